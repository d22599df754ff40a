import type { Residual } from '../../api/types';

/** Residual in standard deviations of its measurement; null where the map has no path. */
export function sigmas(residual: Residual): number | null {
  return residual.difference === null || !(residual.sigma > 0)
    ? null
    : residual.difference / residual.sigma;
}

/** Root mean square of the residuals in sigmas: about 1 when the fix explains the reports. */
export function rmsSigmas(residuals: readonly Residual[]): number | null {
  const known = residuals.map(sigmas).filter((value) => value !== null);
  if (known.length === 0) return null;
  return Math.sqrt(known.reduce((sum, value) => sum + value * value, 0) / known.length);
}

/** Residuals of one report, cell by cell in the order of the report. */
export function byCell(residuals: readonly Residual[]): [cell_id: string, rows: Residual[]][] {
  const cells = new Map<string, Residual[]>();
  for (const residual of residuals) {
    cells.set(residual.cell_id, [...(cells.get(residual.cell_id) ?? []), residual]);
  }
  return [...cells];
}
