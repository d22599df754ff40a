import './connection-status.css';
import { useLive } from '../live/live-store';
import { useUrlState } from '../url/use-url-state';

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
  const live = useUrlState((state) => state.time === null);
  return (
    <p className="connection" data-state={live ? connection : 'playback'} role="status">
      <span className="connection-dot" aria-hidden="true" />
      <span>
        {live ? WORDS[connection] : 'Playback'}
        {stale && connection === 'live' && (
          <span className="connection-note">the service cannot reach its live log</span>
        )}
        {missedSome && !stale && connection === 'live' && (
          <span className="connection-note" title="The gap was too long for the service's live log">
            some fixes were missed
          </span>
        )}
      </span>
    </p>
  );
}
