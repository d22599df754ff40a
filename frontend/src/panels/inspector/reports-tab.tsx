import { useState } from 'react';
import type { Report } from '../../api/types';
import { clock, number } from '../../format/format';
import { QUANTITIES } from '../../format/quantities';
import { highlights } from '../../ui/highlight-store';
import { CellName } from './cell-name';
import { Stepper } from '../../ui/stepper';
import { measuredQuantities } from './report-rows';

/** What the UE measured, one report at a time, as it was posted. */
export function ReportsTab({ reports }: { reports: Report[] }) {
  const [back, setBack] = useState(0);
  const index = Math.max(0, reports.length - 1 - back);
  const report = reports[index];
  if (!report) return <p className="empty">This fix came without reports.</p>;
  const keys = measuredQuantities(report.cells);
  return (
    <>
      <Stepper
        index={index}
        count={reports.length}
        noun="report"
        label={`Report ${index + 1} of ${reports.length} · ${clock(report.time)}`}
        onChange={(next) => setBack(reports.length - 1 - next)}
      />
      {/* A table wider than the panel scrolls, so the keyboard must reach it. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <div className="scroll-x" tabIndex={0} role="region" aria-label="Measurements per cell">
        <table className="measurements">
          <thead>
            <tr>
              <th scope="col">Cell</th>
              {keys.map((key) => (
                <th key={key} scope="col">
                  {QUANTITIES[key].name}
                  <span className="unit">{QUANTITIES[key].unit}</span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {report.cells.map((cell) => (
              <tr key={cell.cell_id} {...highlights(cell.cell_id)}>
                <th scope="row">
                  <CellName cell={cell.cell_id} />
                </th>
                {keys.map((key) => (
                  <td key={key}>{number(cell[key], QUANTITIES[key].decimals)}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
