/** Everything that the UE layers draw, as flat arrays that the graphics card takes as they are. */
import type { LonLat } from '../../api/types';
import { freshness } from '../../format/freshness';
import type { MotionRow, MotionTable } from '../../live/motion';

/**
 * Semi-axes at 68 % over those at 95 % of a two-dimensional normal distribution:
 * sqrt(ln(1 - 0.68) / ln(1 - 0.95)).
 */
export const AXES_68_OVER_95 = Math.sqrt(Math.log(1 - 0.68) / Math.log(1 - 0.95));
/** Ellipses whose semi-major axis is beyond this [m] are filled ever more faintly. */
const SOLID_UP_TO_M = 20;
const FILL_OPACITY = 0.22;
const LINE_OPACITY = 0.8;
const TRAIL_OPACITY = 0.85;

export interface Trails {
  count: number;
  source: Float32Array;
  target: Float32Array;
  colour: Uint8Array;
}

export interface UeStyle {
  count: number;
  colour: Uint8Array;
  outline: Uint8Array;
  heading: Float32Array;
  headingColour: Uint8Array;
  radius_95_m: Float32Array;
  radius_68_m: Float32Array;
  shape_95: Float32Array;
  shape_68: Float32Array;
}

type Rgb = readonly [number, number, number];

export function hexRgb(hex: string): Rgb {
  const value = Number.parseInt(hex.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}

/** Colours, headings and ellipses of rows; `mattering` says how much a row counts now [0..1]. */
export function styleOf(
  rows: readonly MotionRow[],
  now_ms: number,
  accent: Rgb,
  mattering: (id: string) => number,
  selected: string | null,
): UeStyle {
  const n = rows.length;
  const style: UeStyle = {
    count: n,
    colour: new Uint8Array(4 * n),
    outline: new Uint8Array(4 * n),
    heading: new Float32Array(n),
    headingColour: new Uint8Array(4 * n),
    radius_95_m: new Float32Array(n),
    radius_68_m: new Float32Array(n),
    shape_95: new Float32Array(4 * n),
    shape_68: new Float32Array(4 * n),
  };
  rows.forEach(({ id, ue, heading_deg }, i) => {
    const { semi_major_m, semi_minor_m, orientation_deg } = ue.fix.properties;
    const fade = freshness(now_ms - ue.time_ms) * mattering(id);
    const alpha = Math.round(255 * fade);
    style.colour.set([...accent, alpha], 4 * i);
    style.outline.set([255, 255, 255, alpha], 4 * i);
    style.heading[i] = -(heading_deg ?? 0);
    style.headingColour.set([...accent, heading_deg === null ? 0 : alpha], 4 * i);
    // The others' ellipses would hide what explains the selected one.
    const shown = selected === null || id === selected ? fade : 0;
    const ratio = semi_major_m > 0 ? semi_minor_m / semi_major_m : 1;
    const turn = (orientation_deg * Math.PI) / 180;
    const fill = shown * FILL_OPACITY * Math.min(1, SOLID_UP_TO_M / Math.max(semi_major_m, 1e-6));
    style.radius_95_m[i] = semi_major_m;
    style.radius_68_m[i] = semi_major_m * AXES_68_OVER_95;
    style.shape_95.set([ratio, turn, fill / 2, shown * LINE_OPACITY], 4 * i);
    style.shape_68.set([ratio, turn, fill, shown * LINE_OPACITY * 0.6], 4 * i);
  });
  return style;
}

/** The trails of rows as segments that fade towards their oldest end. */
export function trailsOf(
  rows: readonly MotionRow[],
  origin: LonLat,
  accent: Rgb,
  mattering: (id: string) => number,
  length_ms: number,
): Trails {
  let count = 0;
  for (const { ue } of rows) count += Math.max(0, ue.trail.length - 2);
  const source = new Float32Array(2 * count);
  const target = new Float32Array(2 * count);
  const colour = new Uint8Array(4 * count);
  let at = 0;
  for (const { id, ue } of rows) {
    const opacity = TRAIL_OPACITY * mattering(id);
    // The newest segment is the one that the marker is drawing now.
    for (let i = 0; i + 2 < ue.trail.length; i++) {
      const a = ue.trail[i];
      const b = ue.trail[i + 1];
      if (!a || !b) continue;
      source[2 * at] = a.lon - origin[0];
      source[2 * at + 1] = a.lat - origin[1];
      target[2 * at] = b.lon - origin[0];
      target[2 * at + 1] = b.lat - origin[1];
      const young = Math.max(0, 1 - (ue.time_ms - b.time_ms) / length_ms);
      colour.set([...accent, Math.round(255 * opacity * young)], 4 * at);
      at++;
    }
  }
  return { count, source, target, colour };
}

/** Where each row's last segment begins: the fix before the newest one. */
export function headsOf(rows: readonly MotionRow[], origin: LonLat): Float32Array {
  const heads = new Float32Array(2 * rows.length);
  rows.forEach(({ ue }, i) => {
    const point = ue.trail.at(-2) ?? ue.trail.at(-1);
    if (!point) return;
    heads[2 * i] = point.lon - origin[0];
    heads[2 * i + 1] = point.lat - origin[1];
  });
  return heads;
}

/** The row nearest to a point within a distance, both in screen pixels; null where there is none. */
export function hitUe(
  table: MotionTable,
  project: (place: LonLat) => { x: number; y: number },
  at: { x: number; y: number },
  within_px: number,
  now_ms: number,
): string | null {
  let nearest: string | null = null;
  let least = within_px;
  for (const { id } of table.rows) {
    const place = table.placeOf(id, now_ms);
    if (!place) continue;
    const { x, y } = project(place);
    const away = Math.hypot(x - at.x, y - at.y);
    if (away <= least) {
      least = away;
      nearest = id;
    }
  }
  return nearest;
}
