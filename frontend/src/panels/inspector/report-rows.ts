import type { CellMeasurement } from '../../api/types';
import { QUANTITY_KEYS, type QuantityKey } from '../../format/quantities';

/** The quantities that at least one cell of a report has, in their usual order. */
export function measuredQuantities(cells: readonly CellMeasurement[]): QuantityKey[] {
  return QUANTITY_KEYS.filter((key) => cells.some((cell) => typeof cell[key] === 'number'));
}
