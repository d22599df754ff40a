import './connection-status.css';
import { useLive } from '../live/live-store';

const WORDS = {
  connecting: 'Connecting',
  live: 'Live',
  reconnecting: 'Reconnecting',
} as const;

/** Whether what is shown is still being updated, and whether something was missed on the way. */
export function ConnectionStatus() {
  const connection = useLive((state) => state.connection);
  const stale = useLive((state) => state.stale);
  const missedSome = useLive((state) => state.missedSome);
  return (
    <p className="connection" data-state={connection} role="status">
      <span className="connection-dot" aria-hidden="true" />
      {WORDS[connection]}
      {stale && connection === 'live' && (
        <span className="connection-note">the service cannot reach its live log</span>
      )}
      {missedSome && !stale && connection === 'live' && (
        <span className="connection-note" title="The gap was too long for the service's live log">
          some fixes were missed
        </span>
      )}
    </p>
  );
}
