import type { CellMeasurement } from '../../api/types';
import { QUANTITY_KEYS } from '../../format/quantities';

/** The quantities that at least one cell of a report has, in their usual order. */
export function measuredQuantities(cells: readonly CellMeasurement[]): string[] {
  const present = new Set(
    cells.flatMap((cell) => Object.keys(cell).filter((key) => typeof cell[key] === 'number')),
  );
  const known = QUANTITY_KEYS.filter((key) => present.has(key));
  return [...known, ...[...present].filter((key) => !known.includes(key)).sort()];
}
