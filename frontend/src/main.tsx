import '@fontsource-variable/inter/wght.css';
import './styles/tokens.css';
import './styles/base.css';
import { QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { queryClient } from './api/query-client';
import { App } from './app';
import { ShownUes } from './live/shown-ues';
import { beginLoading } from './map/begin-loading';
import { FailureBoundary } from './ui/failure-boundary';

beginLoading();

const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no #root');

createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      <FailureBoundary>
        <ShownUes>
          <App />
        </ShownUes>
      </FailureBoundary>
    </QueryClientProvider>
  </StrictMode>,
);
