import { useState, type FormEvent } from 'react';
import { setApiKey, useApiKey } from '../api/api-key';
import { queryClient } from '../api/query-client';
import { reconnectLive } from '../live/live-store';
import { Dialog } from '../ui/dialog';

/** Asks for the key that the service wants; it is kept for this tab only. */
export function KeyDialog() {
  const held = useApiKey((state) => state.key);
  const [key, setKey] = useState('');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setApiKey(key.trim());
    void queryClient.resetQueries();
    reconnectLive();
  };
  return (
    <Dialog title="This service asks for a key">
      <form onSubmit={submit}>
        <p className="muted">
          {held === null
            ? 'Enter an API key with the scope “read”.'
            : 'The key is not known here, has expired or was revoked. Enter another one.'}{' '}
          Whoever runs the service makes keys with <code>rayfix keys create</code>. It stays in this
          tab and is gone when you close it.
        </p>
        <div className="dialog-actions">
          <input
            className="field key-field"
            type="password"
            aria-label="API key"
            autoComplete="off"
            value={key}
            onChange={(event) => setKey(event.target.value)}
          />
          <button type="submit" className="primary" disabled={key.trim() === ''}>
            Use this key
          </button>
        </div>
      </form>
    </Dialog>
  );
}
