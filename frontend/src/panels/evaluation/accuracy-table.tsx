import { percent, significant } from '../../format/format';
import { Explain } from '../../ui/explain';
import {
  ACCURACY,
  OWN_METHOD,
  bestOf,
  methodName,
  methodText,
  type AccuracyColumn,
  type AccuracyRow,
} from './evaluation-data';

function shown(row: AccuracyRow, column: AccuracyColumn): string {
  return column.endsWith('_m') ? significant(row[column], 3) : percent(row[column], 1);
}

function Row({ row, best }: { row: AccuracyRow; best: Record<AccuracyColumn, number> }) {
  return (
    <tr data-own={row.method === OWN_METHOD || undefined}>
      <th scope="row">{methodName(row.method)}</th>
      {ACCURACY.map((column) => (
        <td key={column} data-best={row[column] === best[column] || undefined}>
          {shown(row, column)}
        </td>
      ))}
      <td>{percent(row.inside_68, 1)}</td>
      <td>{percent(row.inside_95, 1)}</td>
      <td>{significant(row.ms_per_fix, 2)}</td>
    </tr>
  );
}

/** Errors, calibration and speed of every method in one condition. */
export function AccuracyTable({ rows }: { rows: readonly AccuracyRow[] }) {
  const best = bestOf(rows);
  return (
    <>
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
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
              <Row key={row.method} row={row} best={best} />
            ))}
          </tbody>
        </table>
      </div>
      <Explain>
        <dl className="methods">
          {rows.map(({ method }) => (
            <div key={method}>
              <dt>{methodName(method)}</dt>
              <dd>{methodText(method) ?? 'a method that this console does not know'}</dd>
            </div>
          ))}
        </dl>
        <p>
          Bold is the best of a column. “In 68 %” and “in 95 %” are the shares of true places inside
          the ellipses that promise so much: the nearer to it the better. Clean is quantisation
          only, standard has the usual errors of measurements and 20 % of the quantities missing,
          hard is a network that differs from its planning data, RSRP only has nothing but levels.
        </p>
      </Explain>
    </>
  );
}
