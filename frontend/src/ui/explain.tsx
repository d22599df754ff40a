import './explain.css';
import type { ReactNode } from 'react';

/** What the words above mean, for whoever asks. */
export function Explain({ children }: { children: ReactNode }) {
  return (
    <details className="explain">
      <summary>What this means</summary>
      <div className="muted">{children}</div>
    </details>
  );
}
