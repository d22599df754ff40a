/** Errors of stored fixes against the places that their sender knew. */
import type { LonLat } from '../api/types';
import { distance_m } from '../geometry/local-metres';
import type { StoredTrack } from '../live/replay';

/** Distances between fix and truth [m], ascending; of one UE, or of all. */
export function errors_m(tracks: readonly StoredTrack[], ue: string | null): number[] {
  return tracks
    .filter((track) => ue === null || track.ue === ue)
    .flatMap((track) => track.fixes)
    .flatMap(({ geometry, properties: { truth } }) =>
      truth ? [distance_m(geometry.coordinates as LonLat, truth)] : [],
    )
    .sort((a, b) => a - b);
}

/** Value at a share [0..1] of ascending values, interpolated; null without any. */
export function quantile(ascending: readonly number[], share: number): number | null {
  if (ascending.length === 0) return null;
  const at = share * (ascending.length - 1);
  const low = ascending[Math.floor(at)] ?? 0;
  const high = ascending[Math.ceil(at)] ?? low;
  return low + (high - low) * (at - Math.floor(at));
}

/** Points [error, share] of the cumulative distribution, at most `count` of them. */
export function distribution(ascending: readonly number[], count = 60): [number, number][] {
  const steps = Math.min(count, ascending.length);
  return Array.from({ length: steps }, (_, i) => {
    const share = steps === 1 ? 1 : i / (steps - 1);
    return [quantile(ascending, share) ?? 0, share];
  });
}
