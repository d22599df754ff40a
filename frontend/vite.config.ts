import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

const backend = process.env['RAYFIX_URL'] ?? 'http://localhost:8000';

export default defineConfig({
  plugins: [react()],
  server: { proxy: { '/api': { target: backend, ws: true } } },
  // The map engines are one large module each and are loaded on demand.
  build: { target: 'es2022', chunkSizeWarningLimit: 2000 },
  test: { environment: 'jsdom', include: ['src/**/*.test.{ts,tsx}'] },
});
