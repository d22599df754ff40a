/** What the points of a drive test say together, and the one that is pointed at. */
import type { DriveTest, LonLat } from '../api/types';
import { distance_m } from './local-metres';

/** Smallest value at the ends of the ramp [dB]: what receivers themselves are off by. */
const LEAST_DB = 6;
/** The ramp ends where this share of the points lies within it. */
const SHOWN_SHARE = 0.95;

export interface ResidualSummary {
  count: number;
  /** Points where the map has no value. */
  without: number;
  rms_db: number | null;
  mean_db: number | null;
  /** Residual at the ends of the ramp [dB]. */
  limit_db: number;
}

export function summary({ features }: DriveTest): ResidualSummary {
  const residuals = features.flatMap(({ properties }) => properties.residual_db ?? []);
  const n = residuals.length;
  const ascending = residuals.map(Math.abs).sort((a, b) => a - b);
  const most = ascending[Math.min(n - 1, Math.floor(SHOWN_SHARE * n))] ?? 0;
  return {
    count: features.length,
    without: features.length - n,
    rms_db: n === 0 ? null : Math.sqrt(residuals.reduce((sum, r) => sum + r * r, 0) / n),
    mean_db: n === 0 ? null : residuals.reduce((sum, r) => sum + r, 0) / n,
    limit_db: Math.max(LEAST_DB, Math.ceil(most)),
  };
}

/** The point nearest to a place within a distance; null where there is none. */
export function nearestPoint(
  { features }: DriveTest,
  place: LonLat,
  within_m: number,
): DriveTest['features'][number] | null {
  let nearest: DriveTest['features'][number] | null = null;
  let least = within_m;
  for (const feature of features) {
    const away = distance_m(place, feature.geometry.coordinates as LonLat);
    if (away > least) continue;
    least = away;
    nearest = feature;
  }
  return nearest;
}
