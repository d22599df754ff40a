import type { Evaluation } from '../../api/types';
import { number, percent } from '../../format/format';
import { methodName } from './evaluation-data';

/** Errors, calibration and speed of every method in one condition. */
export function AccuracyTable({ rows }: { rows: Evaluation['rows'] }) {
  const best = Math.min(...rows.map((row) => row.median_m));
  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className="scroll-x" tabIndex={0} role="region" aria-label="Accuracy by method">
      <table className="measurements accuracy">
        <thead>
          <tr>
            <th scope="col">Method</th>
            {['Median', '67 %', '90 %', '95 %', 'RMSE'].map((name) => (
              <th key={name} scope="col">
                {name}
                <span className="unit">m</span>
              </th>
            ))}
            {['< 5 m', '< 10 m', '< 20 m', 'in 68 %', 'in 95 %'].map((name) => (
              <th key={name} scope="col">
                {name}
                <span className="unit">of places</span>
              </th>
            ))}
            <th scope="col">
              Time<span className="unit">ms/fix</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.method} data-best={row.median_m === best || undefined}>
              <th scope="row">{methodName(row.method)}</th>
              {[row.median_m, row.p67_m, row.p90_m, row.p95_m, row.rmse_m].map((value, i) => (
                <td key={i}>{number(value, 2)}</td>
              ))}
              {[row.within_5m, row.within_10m, row.within_20m, row.inside_68, row.inside_95].map(
                (share, i) => (
                  <td key={i}>{percent(share, 1)}</td>
                ),
              )}
              <td>{number(row.ms_per_fix, 2)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
