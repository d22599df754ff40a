import './ue-list.css';
import { useVirtualizer } from '@tanstack/react-virtual';
import { memo, useMemo, useRef } from 'react';
import type { LonLat, Scene } from '../api/types';
import { age, metres } from '../format/format';
import { LIVE_MS, freshness } from '../format/freshness';
import type { LiveUe } from '../live/live-state';
import { useLive } from '../live/live-store';
import { useReplay, useShownNow, useShownUes } from '../live/shown-ues';
import { matchesQuery } from '../live/ue-query';
import { showOnMap } from '../ui/camera-store';
import { PHONE, useMedia } from '../ui/use-media';
import type { Sort } from '../url/url-state';
import { setUrlState, urlState, useUrlState } from '../url/use-url-state';

const natural = new Intl.Collator('en', { numeric: true });
const ROW_PX = 32;
const PHONE_ROW_PX = 44;

/** Ids that a query finds, in natural order. */
export function matchingUes(
  ids: string[],
  servingCell: (id: string) => string | null,
  query: string,
): string[] {
  return ids.filter((id) => matchesQuery(id, servingCell(id), query)).sort(natural.compare);
}

type Measure = (id: string) => number;

/** Ids in an order of the list; ids that are alike in it stay as they are. */
export function sortedUes(ids: string[], sort: Sort, accuracy_m: Measure, time_ms: Measure) {
  if (sort === 'ue') return ids;
  const first: Measure = sort === 'accuracy' ? (id) => -accuracy_m(id) : time_ms;
  return [...ids].sort((a, b) => first(a) - first(b));
}

/** Cells that a query names, to be shown on the map. */
export function matchingCells(cells: readonly string[], query: string): string[] {
  const wanted = query
    .toLowerCase()
    .replace(/^cell:/, '')
    .trim();
  return wanted.length < 3 ? [] : cells.filter((cell) => cell.toLowerCase().includes(wanted));
}

const COLUMNS: readonly { id: Sort; label: string; order: string }[] = [
  { id: 'ue', label: 'UE', order: 'by name' },
  { id: 'accuracy', label: '68 %', order: 'the least certain first' },
  { id: 'age', label: 'Age', order: 'the longest silent first' },
];

interface RowProps {
  id: string;
  ue: LiveUe;
  age_ms: number;
  selected: boolean;
  top_px: number;
  onChosen: () => void;
}

const UeRow = memo(function UeRow({ id, ue, age_ms, selected, top_px, onChosen }: RowProps) {
  const choose = () => {
    setUrlState({ ue: id, fix: null }, 'push');
    showOnMap(ue.fix.geometry.coordinates as LonLat);
    onChosen();
  };
  return (
    <li style={{ transform: `translateY(${top_px}px)` }}>
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

/** Why the list is empty, and how somebody gets into it. */
function NobodyShown({ all, connected }: { all: number; connected: boolean }) {
  const elsewhere = useLive((state) => Object.keys(state.ues).length);
  const replay = useReplay();
  if (all > 0)
    return (
      <p className="empty">
        Nobody matches. Search a part of an id, or <code>cell:</code> and a cell’s name for those
        that it serves.
      </p>
    );
  if (replay !== null)
    return (
      <p className="empty">
        {replay.loading ? 'Reading what happened.' : 'Nobody had a fix at this time.'}
      </p>
    );
  if (!connected) return <p className="empty">Waiting for the service.</p>;
  if (elsewhere > 0)
    return (
      <p className="empty">
        Nobody is in this scene; {elsewhere} in others. Choose the scene at the top.
      </p>
    );
  return (
    <p className="empty">
      No fixes yet. A client that posts reports with a <code>ue_id</code> to{' '}
      <code>/api/v1/locate</code> appears here; <code>rayfix feed --ues 20</code> is one.{' '}
      <b>Locate…</b> above takes reports from a file.
    </p>
  );
}

/** Everyone who is on the map: how sure we are, and how long ago. */
export function UeList({ scene, onChosen }: { scene: Scene | undefined; onChosen: () => void }) {
  const ues = useShownUes();
  const connection = useLive((state) => state.connection);
  const query = useUrlState((state) => state.query);
  const sort = useUrlState((state) => state.sort);
  const selected = useUrlState((state) => state.ue);
  const now_ms = useShownNow();
  const phone = useMedia(PHONE);
  const scroller = useRef<HTMLDivElement>(null);
  const all = Object.keys(ues);
  const cellOf = (id: string) => ues[id]?.fix.properties.serving_cell ?? null;
  const key = all.map((id) => (query.includes('cell:') ? `${id} ${cellOf(id)}` : id)).join('\n');
  // Who is in the list depends on ids and serving cells alone, not on where the UEs are.
  // eslint-disable-next-line react-hooks/exhaustive-deps
  const found = useMemo(() => matchingUes(all, cellOf, query), [key, query]);
  const shown = useMemo(
    () =>
      sortedUes(
        found,
        sort,
        (id) => ues[id]?.fix.properties.accuracy_m ?? 0,
        (id) => ues[id]?.time_ms ?? 0,
      ),
    [found, sort, ues],
  );
  const example = scene?.cells[0];
  const cells = matchingCells(scene?.cells ?? [], query);
  const live = all.filter((id) => now_ms - (ues[id]?.time_ms ?? 0) <= LIVE_MS).length;
  const row_px = phone ? PHONE_ROW_PX : ROW_PX;
  // eslint-disable-next-line react-hooks/incompatible-library -- its rows are rendered here only.
  const rows = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => row_px,
    overscan: 8,
    initialRect: { width: 276, height: 700 },
  });

  return (
    <div className="ue-list">
      <div className="ue-list-head">
        <h2>
          UEs{' '}
          <span className="count">
            {query === '' ? all.length : `${shown.length} of ${all.length}`}
          </span>
        </h2>
        <span className="muted">{live} live</span>
      </div>
      <input
        id="ue-search"
        type="search"
        className="field"
        placeholder={`UE or cell${example ? `, e.g. cell:${example}` : ''}`}
        aria-label="Search UEs and cells"
        value={query}
        onChange={(event) => setUrlState({ query: event.target.value })}
      />
      {cells.length > 0 && (
        <ul className="cell-hits" aria-label="Cells">
          {cells.slice(0, 6).map((cell) => (
            <li key={cell}>
              <button
                type="button"
                className="chip"
                onClick={() => {
                  setUrlState({ cell, feature: urlState().feature ?? 'path_gain' });
                  onChosen();
                }}
              >
                Map of {cell}
              </button>
            </li>
          ))}
        </ul>
      )}
      <div className="ue-columns" role="group" aria-label="Order of the list">
        {COLUMNS.map(({ id, label, order }) => (
          <button
            key={id}
            type="button"
            title={order}
            aria-label={`${label}: ${order}`}
            aria-pressed={sort === id}
            onClick={() => setUrlState({ sort: id })}
          >
            {label}
            {sort === id && id !== 'ue' && ' ▾'}
          </button>
        ))}
      </div>
      {shown.length > 0 && (
        <div className="ue-scroll" ref={scroller}>
          <ul className="ue-rows" style={{ height: rows.getTotalSize() }}>
            {rows.getVirtualItems().map(({ index, start }) => {
              const id = shown[index] ?? '';
              const ue = ues[id];
              return (
                ue && (
                  <UeRow
                    key={id}
                    id={id}
                    ue={ue}
                    age_ms={now_ms - ue.time_ms}
                    selected={id === selected}
                    top_px={start}
                    onChosen={onChosen}
                  />
                )
              );
            })}
          </ul>
        </div>
      )}
      {shown.length === 0 && <NobodyShown all={all.length} connected={connection === 'live'} />}
    </div>
  );
}
