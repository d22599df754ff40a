import './ue-list.css';
import { memo, useMemo } from 'react';
import type { LonLat } from '../api/types';
import { age, metres } from '../format/format';
import { LIVE_MS, freshness } from '../format/freshness';
import type { LiveUe } from '../live/live-state';
import { useLive } from '../live/live-store';
import { showOnMap } from '../ui/camera-store';
import { useNow } from '../ui/use-now';
import { setUrlState, useUrlState } from '../url/use-url-state';

const natural = new Intl.Collator('en', { numeric: true });

/** Ids that contain every word of the query, in natural order. */
export function matchingUes(ids: string[], query: string): string[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  return ids
    .filter((id) => words.every((word) => id.toLowerCase().includes(word)))
    .sort(natural.compare);
}

interface RowProps {
  id: string;
  ue: LiveUe;
  age_ms: number;
  selected: boolean;
  onChosen: () => void;
}

const UeRow = memo(function UeRow({ id, ue, age_ms, selected, onChosen }: RowProps) {
  const choose = () => {
    setUrlState({ ue: id, fix: null }, 'push');
    showOnMap(ue.fix.geometry.coordinates as LonLat);
    onChosen();
  };
  return (
    <li>
      <button
        type="button"
        className="ue-row"
        aria-current={selected || undefined}
        data-stale={age_ms > LIVE_MS || undefined}
        onClick={choose}
      >
        <span className="ue-dot" style={{ opacity: freshness(age_ms) }} aria-hidden="true" />
        <span className="ue-id">{id}</span>
        <span className="ue-accuracy">±{metres(ue.fix.properties.accuracy_m)}</span>
        <span className="ue-age">{age(age_ms)}</span>
      </button>
    </li>
  );
});

/** Everyone who is on the map: how sure we are, and how long ago. */
export function UeList({ onChosen }: { onChosen: () => void }) {
  const ues = useLive((state) => state.ues);
  const connection = useLive((state) => state.connection);
  const query = useUrlState((state) => state.query);
  const selected = useUrlState((state) => state.ue);
  const now_ms = useNow();
  const all = Object.keys(ues);
  const key = all.join('\n');
  // The order depends on the ids alone, not on where the UEs are.
  const shown = useMemo(() => matchingUes(key === '' ? [] : key.split('\n'), query), [key, query]);
  const live = all.filter((id) => now_ms - (ues[id]?.time_ms ?? 0) <= LIVE_MS).length;

  return (
    <div className="ue-list">
      <div className="ue-list-head">
        <h2>
          UEs <span className="count">{all.length}</span>
        </h2>
        <span className="muted">{live} live</span>
      </div>
      <input
        type="search"
        className="field"
        placeholder="Filter by id"
        aria-label="Filter UEs by id"
        value={query}
        onChange={(event) => setUrlState({ query: event.target.value })}
      />
      <div className="ue-columns" aria-hidden="true">
        <span>UE</span>
        <span>68 %</span>
        <span>Age</span>
      </div>
      <ul className="ue-rows">
        {shown.map((id) => {
          const ue = ues[id];
          return (
            ue && (
              <UeRow
                key={id}
                id={id}
                ue={ue}
                age_ms={now_ms - ue.time_ms}
                selected={id === selected}
                onChosen={onChosen}
              />
            )
          );
        })}
      </ul>
      {shown.length === 0 && (
        <p className="empty">
          {all.length > 0
            ? 'No UE has this in its id.'
            : connection === 'live'
              ? 'No fixes yet. A client that posts reports with a ue_id to /api/v1/locate appears here; “rayfix feed” is one.'
              : 'Waiting for the service.'}
        </p>
      )}
    </div>
  );
}
