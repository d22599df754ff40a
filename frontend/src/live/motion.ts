/**
 * Where each UE is drawn between two fixes. A marker glides from where it is drawn to the newest
 * fix and stops there: it is never ahead of what was measured.
 */
import type { LonLat } from '../api/types';
import { level, type Height } from '../geometry/height';
import { bearing_deg, distance_m } from '../geometry/local-metres';
import type { LiveUe } from './live-state';

/** A glide takes as long as the fixes are apart, within these bounds [ms]. */
const SHORTEST_GLIDE_MS = 200;
const LONGEST_GLIDE_MS = 2_500;
/** A jump beyond this is no motion: the marker is put there at once [m]. */
const JUMP_M = 150;
/** A heading is told once a UE has moved this far within its trail [m]; below is mostly error. */
const HEADING_FROM_M = 4;

export interface MotionRow {
  id: string;
  ue: LiveUe;
  /** Bearing of motion [deg]; null while it stands. */
  heading_deg: number | null;
}

/** Direction over the last places of a trail that lie far enough apart. */
export function headingOf(ue: LiveUe): number | null {
  const last = ue.trail.at(-1);
  if (!last) return null;
  const from_m = Math.max(HEADING_FROM_M, ue.fix.properties.accuracy_m);
  for (let i = ue.trail.length - 2; i >= 0; i--) {
    const point = ue.trail[i];
    if (!point || last.time_ms - point.time_ms > 10_000) return null;
    const back: LonLat = [point.lon, point.lat];
    const here: LonLat = [last.lon, last.lat];
    if (distance_m(back, here) >= from_m) return bearing_deg(back, here);
  }
  return null;
}

/** Rows by UE with their glide, as flat arrays: [lon, lat] relative to an origin [deg]. */
export class MotionTable {
  readonly rows: MotionRow[] = [];
  private readonly index = new Map<string, number>();
  private from = new Float32Array(0);
  private to = new Float32Array(0);
  private start_ms = new Float64Array(0);
  private length_ms = new Float32Array(0);

  constructor(private readonly origin: LonLat) {}

  /** Takes over the live state; returns whether anything changed. */
  update(ues: Readonly<Record<string, LiveUe>>, now_ms: number): boolean {
    const ids = Object.keys(ues);
    if (ids.length < this.rows.length || this.rows.some(({ id }) => !(id in ues))) this.clear();
    this.reserve(ids.length);
    let changed = false;
    for (const id of ids) {
      const ue = ues[id];
      if (ue && this.put(id, ue, now_ms)) changed = true;
    }
    return changed;
  }

  private clear(): void {
    this.rows.length = 0;
    this.index.clear();
  }

  private reserve(count: number): void {
    if (this.from.length >= 2 * count) return;
    const size = Math.max(64, 2 * count);
    const grown = <T extends Float32Array | Float64Array>(into: T, old: T): T => {
      into.set(old);
      return into;
    };
    this.from = grown(new Float32Array(2 * size), this.from);
    this.to = grown(new Float32Array(2 * size), this.to);
    this.start_ms = grown(new Float64Array(size), this.start_ms);
    this.length_ms = grown(new Float32Array(size), this.length_ms);
  }

  private put(id: string, ue: LiveUe, now_ms: number): boolean {
    const known = this.index.get(id);
    const held = known === undefined ? undefined : this.rows[known];
    if (held?.ue === ue) return false;
    const at = known ?? this.rows.length;
    const [lon = 0, lat = 0] = ue.fix.geometry.coordinates;
    const target: LonLat = [lon - this.origin[0], lat - this.origin[1]];
    let from = target;
    if (held) {
      const shown = this.place(at, now_ms);
      const far = distance_m(this.absolute(shown), [lon, lat]) > JUMP_M;
      if (!far) from = shown;
    } else this.index.set(id, at);
    this.from.set(from, 2 * at);
    this.to.set(target, 2 * at);
    this.start_ms[at] = now_ms;
    const apart_ms = held ? ue.time_ms - held.ue.time_ms : SHORTEST_GLIDE_MS;
    this.length_ms[at] = Math.min(LONGEST_GLIDE_MS, Math.max(SHORTEST_GLIDE_MS, apart_ms));
    this.rows[at] = { id, ue, heading_deg: headingOf(ue) };
    return true;
  }

  private place(at: number, now_ms: number): LonLat {
    const share = Math.min(
      1,
      Math.max(0, (now_ms - (this.start_ms[at] ?? 0)) / (this.length_ms[at] ?? 1)),
    );
    const mix = (axis: 0 | 1) => {
      const a = this.from[2 * at + axis] ?? 0;
      return a + ((this.to[2 * at + axis] ?? 0) - a) * share;
    };
    return [mix(0), mix(1)];
  }

  private absolute([lon, lat]: LonLat): LonLat {
    return [lon + this.origin[0], lat + this.origin[1]];
  }

  /** Where a UE is drawn at a time; null for an unknown one. */
  placeOf(id: string, now_ms: number): LonLat | null {
    const at = this.index.get(id);
    return at === undefined ? null : this.absolute(this.place(at, now_ms));
  }

  /**
   * Fills [lon, lat, height] of rows (all, or those of `which`), relative to the origin; returns
   * whether any of them still moves.
   */
  fill(
    into: Float32Array,
    now_ms: number,
    height: Height = level,
    which: readonly number[] | null = null,
  ): boolean {
    const count = which?.length ?? this.rows.length;
    let moving = false;
    for (let i = 0; i < count; i++) {
      const at = which?.[i] ?? i;
      const [x, y] = this.place(at, now_ms);
      into[3 * i] = x;
      into[3 * i + 1] = y;
      into[3 * i + 2] = height(x + this.origin[0], y + this.origin[1]);
      if (now_ms - (this.start_ms[at] ?? 0) < (this.length_ms[at] ?? 0)) moving = true;
    }
    return moving;
  }
}
