/** The UEs as they were at a time, from their stored fixes. */
import type { LiveFix } from '../api/types';
import { TRAIL_MS, type LiveUe, type TrailPoint } from './live-state';

export interface StoredTrack {
  ue: string;
  /** Oldest first. */
  fixes: readonly LiveFix[];
  times_ms: readonly number[];
}

export function storedTrack(ue: string, fixes: readonly LiveFix[]): StoredTrack {
  return { ue, fixes, times_ms: fixes.map((fix) => Date.parse(fix.properties.time)) };
}

/** Index of the last time that is not after `time_ms`; -1 where all are. */
export function lastUntil(times_ms: readonly number[], time_ms: number): number {
  let low = 0;
  let high = times_ms.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times_ms[middle] ?? Infinity) <= time_ms) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** When the first of all fixes was made; -Infinity where there is none. */
export function firstTime_ms(tracks: readonly StoredTrack[]): number {
  const first = tracks.reduce((min, { times_ms }) => Math.min(min, times_ms[0] ?? min), Infinity);
  return first === Infinity ? -Infinity : first;
}

/** Every track's latest fix at a time with the trail before it; who was not there yet is left out. */
export function uesAt(tracks: readonly StoredTrack[], time_ms: number): Record<string, LiveUe> {
  const ues: Record<string, LiveUe> = {};
  for (const { ue, fixes, times_ms } of tracks) {
    const at = lastUntil(times_ms, time_ms);
    const fix = fixes[at];
    const last_ms = times_ms[at];
    if (!fix || last_ms === undefined) continue;
    const trail: TrailPoint[] = [];
    for (let i = at; i >= 0 && (times_ms[i] ?? 0) >= last_ms - TRAIL_MS; i--) {
      const [lon = 0, lat = 0] = fixes[i]?.geometry.coordinates ?? [];
      trail.unshift({ lon, lat, time_ms: times_ms[i] ?? 0 });
    }
    ues[ue] = { fix, time_ms: last_ms, trail };
  }
  return ues;
}
