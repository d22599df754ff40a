/** Where UEs came from, as flat arrays of line segments. */
import type { LonLat } from '../../api/types';
import { level, type Height } from '../../geometry/height';
import { significance } from '../../geometry/significance';
import type { MotionRow } from '../../live/motion';
import { attribute, type Attribute, type Rgb } from './attribute';

const TRAIL_OPACITY = 0.85;
/** Trails have at most about as many segments; of more, the points that bend them least are left out. */
export const MOST_SEGMENTS = 4000;

export interface Trails {
  count: number;
  source: Attribute;
  target: Attribute;
  colour: Attribute;
  /** Opacity at both ends of a segment [0..1]. */
  fade: Attribute;
  /** Where each UE's trail ends: from there its marker draws on. */
  ends: ReadonlyMap<string, LonLat>;
}

/** So many values tell how they are spread. */
const SAMPLE = 4096;

/** The value that only about the `count` greatest of `values` exceed; below all where all may stay. */
function threshold(values: Float32Array, count: number): number {
  if (values.length <= count) return -1;
  const stride = Math.ceil(values.length / SAMPLE);
  const sample = values.filter((_, i) => i % stride === 0).sort();
  return sample[Math.max(0, sample.length - Math.round(count / stride) - 1)] ?? 0;
}

/** The trails of rows as segments that fade towards their oldest end. */
export function trailsOf(
  rows: readonly MotionRow[],
  origin: LonLat,
  accent: Rgb,
  mattering: (row: MotionRow) => number,
  length_ms: number,
  height: Height = level,
  most = MOST_SEGMENTS,
): Trails {
  // The newest segment is the one that the marker is drawing now.
  const ends = new Map<string, LonLat>();
  for (const { id, ue } of rows) {
    const end = ue.trail.at(-2) ?? ue.trail.at(-1);
    if (end) ends.set(id, [end.lon, end.lat]);
  }
  const drawn = rows.filter(({ ue }) => ue.trail.length > 2);
  const points = drawn.reduce((sum, { ue }) => sum + ue.trail.length - 1, 0);
  const place = new Float32Array(2 * points);
  const fade = new Float32Array(points);
  const matters = new Float32Array(points);
  const shrink = Math.cos((origin[1] * Math.PI) / 180);
  let at = 0;
  for (const row of drawn) {
    const { ue } = row;
    const opacity = TRAIL_OPACITY * mattering(row);
    const begin = at;
    for (let i = 0; i + 1 < ue.trail.length; i++, at++) {
      const point = ue.trail[i];
      if (!point) continue;
      // East in the same unit as north, while distances are taken.
      place[2 * at] = (point.lon - origin[0]) * shrink;
      place[2 * at + 1] = point.lat - origin[1];
      fade[at] = opacity * Math.max(0, 1 - (ue.time_ms - point.time_ms) / length_ms);
    }
    significance(place, begin, at - 1, matters);
  }
  const least = threshold(matters, most + drawn.length);
  const kept = matters.reduce((sum, value) => sum + (value > least ? 1 : 0), 0);
  const count = Math.max(0, kept - drawn.length);
  const source = new Float32Array(3 * count);
  const target = new Float32Array(3 * count);
  const put = (into: Float32Array, at: number, point: number) => {
    const east = (place[2 * point] ?? 0) / shrink;
    const north = place[2 * point + 1] ?? 0;
    into[3 * at] = east;
    into[3 * at + 1] = north;
    into[3 * at + 2] = height(origin[0] + east, origin[1] + north);
  };
  const rgba = [...accent, 255];
  const colour = new Uint8Array(4 * count).map((_, i) => rgba[i % 4] ?? 0);
  const fades = new Float32Array(2 * count);
  let segment = 0;
  let last = -1;
  for (let i = 0; i < points; i++) {
    if (!((matters[i] ?? 0) > least)) continue;
    // Only ends matter infinitely; the first end of a trail follows the last of another.
    const begins = last === -1;
    if (!begins) {
      put(source, segment, last);
      put(target, segment, i);
      fades[2 * segment] = fade[last] ?? 0;
      fades[2 * segment + 1] = fade[i] ?? 0;
      segment++;
    }
    last = !begins && matters[i] === Infinity ? -1 : i;
  }
  return {
    count,
    source: attribute(source, 3),
    target: attribute(target, 3),
    colour: attribute(colour, 4),
    fade: attribute(fades, 2),
    ends,
  };
}
