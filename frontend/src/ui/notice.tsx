import './notice.css';
import type { ReactNode } from 'react';

interface Props {
  tone?: 'info' | 'error';
  onDismiss?: () => void;
  children: ReactNode;
}

export function Notice({ tone = 'info', onDismiss, children }: Props) {
  return (
    <div className={`notice notice-${tone}`} role={tone === 'error' ? 'alert' : 'status'}>
      <p>{children}</p>
      {onDismiss && (
        <button type="button" className="icon-button" aria-label="Dismiss" onClick={onDismiss}>
          ×
        </button>
      )}
    </div>
  );
}
