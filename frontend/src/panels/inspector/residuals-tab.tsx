import { useState } from 'react';
import type { FixDetail, Residual } from '../../api/types';
import { featureDecimals, number, signed } from '../../format/format';
import { featureName } from '../../format/quantities';
import { highlights } from '../../ui/highlight-store';
import { CellName } from './cell-name';
import { Explain } from '../../ui/explain';
import { Stepper } from '../../ui/stepper';
import { byCell, rmsSigmas, sigmas } from './residuals';

/** Bars end here; the number beside them does not. */
const SHOWN_SIGMAS = 4;

function DeviationBar({ value }: { value: number | null }) {
  if (value === null) return <span />;
  const share = Math.min(1, Math.abs(value) / SHOWN_SIGMAS) * 50;
  return (
    <span className="deviation" aria-hidden="true">
      <span
        data-sign={value < 0 ? 'minus' : 'plus'}
        style={{ width: `${share}%`, left: value < 0 ? `${50 - share}%` : '50%' }}
      />
    </span>
  );
}

function Row({ residual, span }: { residual: Residual; span: number }) {
  const decimals = featureDecimals(residual.feature);
  const deviation = sigmas(residual);
  return (
    <tr>
      {span > 0 && (
        <th scope="rowgroup" rowSpan={span}>
          <CellName cell={residual.cell_id} />
        </th>
      )}
      <td className="words">
        {featureName(residual.feature)} <span className="unit">{residual.unit}</span>
      </td>
      <td>{number(residual.observed, decimals)}</td>
      <td>{residual.expected === null ? 'no path' : number(residual.expected, decimals)}</td>
      <td>
        <span className="deviation-cell">
          <DeviationBar value={deviation} />
          <span>{signed(deviation, 1)}</span>
        </span>
      </td>
    </tr>
  );
}

/** Observed, expected and their difference, cell by cell. */
export function ResidualTable({ residuals }: { residuals: readonly Residual[] }) {
  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className="scroll-x" tabIndex={0} role="region" aria-label="Residuals per cell">
      <table className="measurements residuals">
        <thead>
          <tr>
            <th scope="col">Cell</th>
            <th scope="col" className="words">
              Quantity
            </th>
            <th scope="col">Observed</th>
            <th scope="col">Map</th>
            <th scope="col">Diff. in σ</th>
          </tr>
        </thead>
        {byCell(residuals).map(([cell_id, rows]) => (
          <tbody key={cell_id} {...highlights(cell_id)}>
            {rows.map((residual, i) => (
              <Row key={residual.feature} residual={residual} span={i === 0 ? rows.length : 0} />
            ))}
          </tbody>
        ))}
      </table>
    </div>
  );
}

/** What was measured against what the radio map says at the fix. */
export function ResidualsTab({ fix }: { fix: FixDetail }) {
  const all = fix.residuals ?? [];
  const reports = [...new Set(all.map((residual) => residual.report))].sort((a, b) => a - b);
  const [back, setBack] = useState(0);
  const index = Math.max(0, reports.length - 1 - back);
  const shown = all.filter((residual) => residual.report === reports[index]);
  if (shown.length === 0) {
    return <p className="empty">None of the measured quantities is on the radio map.</p>;
  }
  return (
    <>
      <Stepper
        index={index}
        count={reports.length}
        noun="report"
        label={`Report ${(reports[index] ?? 0) + 1} of ${fix.reports.length} · rms ${number(rmsSigmas(shown), 1)} σ`}
        onChange={(next) => setBack(reports.length - 1 - next)}
      />
      <ResidualTable residuals={shown} />
      <Explain>
        What was measured, what the radio map says at the fix, and the difference in standard
        deviations of both together. About 1 σ rms is what noise explains; one cell that is far off
        points to a wrong antenna, power or building, all of them to a wrong place.
      </Explain>
    </>
  );
}
