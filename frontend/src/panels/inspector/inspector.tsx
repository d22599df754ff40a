import './inspector.css';
import { useAttention } from '../../api/get-attention';
import { useFix } from '../../api/get-fix';
import { ServiceError } from '../../api/client';
import { age, sentence } from '../../format/format';
import { useShownNow } from '../../live/shown-ues';
import { zoomTo } from '../../ui/camera-store';
import { Tabs } from '../../ui/tabs';
import { LOCATED } from '../../url/url-state';
import { setUrlState, useUrlState } from '../../url/use-url-state';
import { AttentionTab } from './attention-tab';
import { FixTab } from './fix-tab';
import { OverlayChoice } from './overlay-choice';
import { ReportsTab } from './reports-tab';
import { WhatIfTab } from './what-if-tab';
import { ResidualsTab } from './residuals-tab';

const TAB_WORDS = [
  { id: 'fix', label: 'Fix' },
  { id: 'reports', label: 'Reports' },
  { id: 'residuals', label: 'Residuals' },
  { id: 'attention', label: 'Attention' },
  { id: 'whatif', label: 'What if' },
] as const;

function fixWords(old: string | undefined, held: boolean): string {
  return `${old === undefined ? 'no fix yet' : `fix ${old} old`}${held ? ', held' : ''}`;
}

function fixTrouble(error: Error): string {
  // An id that is none, or that of a fix which is no longer there.
  if (error instanceof ServiceError && [404, 422].includes(error.status))
    return 'This fix is not kept here (any more). Switch Hold off for the latest one.';
  return sentence(`This fix cannot be read: ${error.message}`);
}

/** Why a UE is where it is: one fix, taken apart. */
export function Inspector({ ueId, fixId }: { ueId: string; fixId: string | null }) {
  const tab = useUrlState((state) => state.tab);
  const held = useUrlState((state) => state.fix !== null);
  const follow = useUrlState((state) => state.follow);
  const now_ms = useShownNow();
  const { data: fix, error } = useFix(fixId);
  const attention = useAttention(fixId);
  // There is nobody to follow, and no newer fix to come.
  const located = ueId === LOCATED;

  return (
    <div className="inspector">
      <div className="inspector-head">
        <div>
          <h2>{located ? 'What if' : ueId}</h2>
          <p className="muted" data-testid="fix-age">
            {located
              ? 'located from reports'
              : fixWords(fix && age(now_ms - Date.parse(fix.time)), held)}
          </p>
        </div>
        <div className="inspector-actions">
          {!located && (
            <>
              <button
                type="button"
                className="chip"
                aria-pressed={held}
                disabled={fixId === null}
                title={held ? 'Follow the latest fix again' : 'Keep this fix while the UE moves on'}
                onClick={() => setUrlState({ fix: held ? null : fixId })}
              >
                Hold
              </button>
              <button
                type="button"
                className="chip"
                aria-pressed={follow}
                title="Keep this UE in the middle of the map"
                onClick={() => setUrlState({ follow: !follow })}
              >
                Follow
              </button>
            </>
          )}
          <button
            type="button"
            className="chip"
            disabled={!fix}
            title="Bring the fix and its ellipse near"
            onClick={() => fix && zoomTo(fix)}
          >
            Zoom
          </button>
          <button
            type="button"
            className="icon-button"
            aria-label="Close inspector"
            onClick={() => setUrlState({ ue: null, fix: null, follow: false }, 'push')}
          >
            ×
          </button>
        </div>
      </div>
      <OverlayChoice
        fix={fix}
        layers={attention.data?.layers ?? 0}
        heads={attention.data?.heads ?? 0}
      />
      {error && <p className="inspector-error">{fixTrouble(error)}</p>}
      {!fix && !error && fixId === null && (
        <p className="empty">
          No fix of this UE is known yet. It appears here with the next report of it that the
          service locates.
        </p>
      )}
      {fix && (
        <Tabs
          label="Fix details"
          tabs={TAB_WORDS}
          current={tab}
          onChange={(next) => setUrlState({ tab: next })}
        >
          {tab === 'fix' && <FixTab fix={fix} />}
          {tab === 'reports' && <ReportsTab reports={fix.reports} />}
          {tab === 'residuals' && <ResidualsTab fix={fix} />}
          {tab === 'whatif' && <WhatIfTab fix={fix} />}
          {tab === 'attention' && (
            <AttentionTab attention={attention.data} error={attention.error} />
          )}
        </Tabs>
      )}
    </div>
  );
}
