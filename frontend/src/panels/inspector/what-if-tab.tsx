import { useState } from 'react';
import { useResidualsAt } from '../../api/get-residuals';
import { useLocate } from '../../api/post-locate';
import type { FixDetail, LonLat } from '../../api/types';
import { metres, number } from '../../format/format';
import { QUANTITIES, type QuantityKey } from '../../format/quantities';
import { distance_m } from '../../geometry/local-metres';
import { useDebounced } from '../../ui/use-debounced';
import { suppose, useWhatIf } from '../../ui/what-if-store';
import { setUrlState } from '../../url/use-url-state';
import { measuredQuantities } from './report-rows';
import { rmsSigmas } from './residuals';
import { ResidualTable } from './residuals-tab';
import { without } from './report-files';

const SETTLED_MS = 60;

/** What would be if: another position, or other measurements. */
export function WhatIfTab({ fix }: { fix: FixDetail }) {
  const place = useWhatIf((state) => (state.fixId === fix.fix_id ? state.place : null));
  const at = useDebounced(place, SETTLED_MS);
  const { data, error } = useResidualsAt(fix.fix_id, at);
  const home: LonLat = [fix.fix.lon, fix.fix.lat];
  const residuals = at === null ? (fix.residuals ?? []) : (data ?? []);
  const last = residuals.reduce((newest, { report }) => Math.max(newest, report), 0);
  return (
    <>
      <p className="what-if-summary" role="status">
        {place === null ? (
          <>Drag the pin on the map, or focus it and use the arrow keys.</>
        ) : (
          <>
            <b data-testid="what-if-distance">{metres(distance_m(home, place))}</b> from the fix
          </>
        )}{' '}
        <span className="muted">
          rms <b data-testid="what-if-rms">{number(rmsSigmas(residuals), 2)}</b> σ here,{' '}
          {number(rmsSigmas(fix.residuals ?? []), 2)} σ at the fix
        </span>
      </p>
      {place !== null && (
        <button type="button" className="chip" onClick={() => suppose(fix.fix_id, null)}>
          Back to the fix
        </button>
      )}
      <Again key={fix.fix_id} fix={fix} />
      <h3>Residuals {place === null ? 'at the fix' : 'at the pin'}</h3>
      {error ? (
        <p className="inspector-error">{error.message}</p>
      ) : (
        <ResidualTable residuals={residuals.filter(({ report }) => report === last)} />
      )}
    </>
  );
}

interface ChoiceProps<T extends string> {
  label: string;
  options: readonly { id: T; name: string }[];
  off: ReadonlySet<T>;
  onChange: (off: ReadonlySet<T>) => void;
}

function Choice<T extends string>({ label, options, off, onChange }: ChoiceProps<T>) {
  return (
    <div className="what-if-choice" role="group" aria-label={label}>
      {options.map(({ id, name }) => (
        <button
          key={id}
          type="button"
          className="chip"
          aria-pressed={!off.has(id)}
          onClick={() => {
            const next = new Set(off);
            if (!next.delete(id)) next.add(id);
            onChange(next);
          }}
        >
          {name}
        </button>
      ))}
    </div>
  );
}

/** Locates the same reports again without some cells or quantities. */
function Again({ fix }: { fix: FixDetail }) {
  const [cellsOff, setCellsOff] = useState<ReadonlySet<string>>(new Set());
  const [quantitiesOff, setQuantitiesOff] = useState<ReadonlySet<QuantityKey>>(new Set());
  const locate = useLocate();
  const all = fix.reports.flatMap((report) => report.cells);
  const cells = [...new Set(all.map((cell) => cell.cell_id))];
  const left = without(fix.reports, cellsOff, quantitiesOff);
  const reply = locate.data;
  return (
    <>
      <h3>Without a cell or a quantity</h3>
      <Choice
        label="Cells that count"
        options={cells.map((id) => ({ id, name: id }))}
        off={cellsOff}
        onChange={setCellsOff}
      />
      <Choice
        label="Quantities that count"
        options={measuredQuantities(all).map((id) => ({ id, name: QUANTITIES[id].name }))}
        off={quantitiesOff}
        onChange={setQuantitiesOff}
      />
      <button
        type="button"
        className="primary"
        disabled={left.length === 0 || locate.isPending}
        onClick={() => locate.mutate({ scene: fix.scene, reports: left, include: [], refine: {} })}
      >
        Locate again
      </button>
      {left.length === 0 && <p className="muted">Nothing is left to locate with.</p>}
      {locate.error && <p className="inspector-error">{locate.error.message}</p>}
      {reply && (
        <p data-testid="what-if-again" role="status">
          Now{' '}
          <b>{metres(distance_m([fix.fix.lon, fix.fix.lat], [reply.fix.lon, reply.fix.lat]))}</b>{' '}
          away, 68 % within {metres(reply.fix.accuracy_m)} instead of {metres(fix.fix.accuracy_m)}.{' '}
          <button
            type="button"
            className="chip"
            onClick={() => setUrlState({ fix: reply.fix_id, tab: 'fix' }, 'push')}
          >
            Explain this fix
          </button>
        </p>
      )}
    </>
  );
}
