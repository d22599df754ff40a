import type { Probe, ProbeCell } from '../api/types';
import { BEST_SERVER } from '../url/url-state';

export interface ProbeValue {
  cell: ProbeCell;
  /** null where no path arrives. */
  value: number | null;
}

/** What the shown map says at the probed point: the feature of the chosen or the strongest cell. */
export function probeValue(probe: Probe, feature: string, cell: string): ProbeValue | null {
  const id = cell === BEST_SERVER ? probe.best_cell : cell;
  const found = probe.cells.find((candidate) => candidate.cell_id === id);
  if (!found) return null;
  const value = found[feature as keyof ProbeCell];
  return { cell: found, value: typeof value === 'number' ? value : null };
}

/** Where a value stands on a legend [0..1]; null off its ends is clamped to them. */
export function legendFraction(value: number, min: number, max: number): number {
  return max > min ? Math.min(1, Math.max(0, (value - min) / (max - min))) : 0;
}
