import { useEffect, useState } from 'react';
import { ServiceError } from '../api/client';
import { useApiKey } from '../api/api-key';
import { clock, sentence } from '../format/format';
import { useLive } from '../live/live-store';
import { Notice } from '../ui/notice';
import { setUrlState, useUrlState } from '../url/use-url-state';

/** A service that is started again is back sooner [ms]. */
const AWAY_AFTER_MS = 8_000;

/** When the connection was lost [ms], once it has been for long; null while it stands. */
function useAwaySince(): number | null {
  const away = useLive((state) => state.connection === 'reconnecting');
  const [since_ms, setSince] = useState<number | null>(null);
  if (!away && since_ms !== null) setSince(null);
  useEffect(() => {
    if (!away) return undefined;
    const lost_ms = Date.now();
    const timer = window.setTimeout(() => setSince(lost_ms), AWAY_AFTER_MS);
    return () => window.clearTimeout(timer);
  }, [away]);
  return since_ms;
}

function Failure({ failure }: { failure: Error }) {
  const scene = useUrlState((state) => state.scene);
  const unknown = failure instanceof ServiceError && failure.status === 404 && scene !== null;
  return (
    <Notice tone="error">
      {sentence(failure.message)}{' '}
      {unknown ? (
        <button
          type="button"
          className="chip"
          onClick={() => setUrlState({ scene: null, view: null, fix: null }, 'push')}
        >
          Show the first scene
        </button>
      ) : (
        'Reload the page when it does.'
      )}
    </Notice>
  );
}

interface Props {
  /** Why no scene can be shown. */
  failure: Error | null;
  notice: string | null;
  onDismiss: () => void;
}

/** What is wrong, and what to do about it. */
export function StageNotices({ failure, notice, onDismiss }: Props) {
  const refused = useApiKey((state) => state.refused);
  const away_ms = useAwaySince();
  return (
    <div className="notices">
      {failure && !refused && <Failure failure={failure} />}
      {away_ms !== null && !failure && !refused && (
        <Notice tone="error">
          No contact with the service since {clock(away_ms / 1000).slice(0, 8)}: what you see is as
          it was then. The console goes on by itself once the service answers; if it stays away,
          check that <code>rayfix serve</code> runs.
        </Notice>
      )}
      {notice !== null && <Notice onDismiss={onDismiss}>{notice}</Notice>}
    </div>
  );
}
