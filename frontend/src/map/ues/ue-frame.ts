/** Everything that the UE layers draw, as flat arrays that the graphics card takes as they are. */
import type { LonLat } from '../../api/types';
import { freshness } from '../../format/freshness';
import type { Height } from '../../geometry/height';
import type { MotionRow, MotionTable } from '../../live/motion';
import { attribute, type Attribute, type Rgb } from './attribute';

/** Ellipses whose semi-major axis is beyond this [m] are filled ever more faintly. */
const SOLID_UP_TO_M = 20;
const FILL_OPACITY = 0.22;
const LINE_OPACITY = 0.8;

export interface UeStyle {
  count: number;
  colour: Attribute;
  /** Bearing [rad], and the colour of what shows it. */
  heading: Attribute;
  headingColour: Attribute;
  /** Semi-major axis of the ellipse that holds 95 % [m], ratio of the axes, bearing [rad]. */
  ellipse: Attribute;
  /** Opacity of the ellipse's area and outline. */
  fill: Attribute;
  /** Opacity of both ends of the newest piece of trail. */
  solid: Attribute;
}

function put(colours: Uint8Array, i: number, [red, green, blue]: Rgb, alpha: number): void {
  colours[4 * i] = red;
  colours[4 * i + 1] = green;
  colours[4 * i + 2] = blue;
  colours[4 * i + 3] = alpha;
}

/** Colours, headings and ellipses of rows; `mattering` says how much a row counts now [0..1]. */
export function styleOf(
  rows: readonly MotionRow[],
  now_ms: number,
  accent: Rgb,
  mattering: (row: MotionRow) => number,
  selected: string | null,
): UeStyle {
  const n = rows.length;
  const colour = new Uint8Array(4 * n);
  const heading = new Float32Array(n);
  const headingColour = new Uint8Array(4 * n);
  const ellipse = new Float32Array(3 * n);
  const fill = new Float32Array(2 * n);
  rows.forEach((row, i) => {
    const { id, ue, heading_deg } = row;
    const { semi_major_m, semi_minor_m, orientation_deg } = ue.fix.properties;
    const fade = freshness(now_ms - ue.time_ms) * mattering(row);
    const alpha = Math.round(255 * fade);
    put(colour, i, accent, alpha);
    heading[i] = ((heading_deg ?? 0) * Math.PI) / 180;
    put(headingColour, i, accent, heading_deg === null ? 0 : alpha);
    // The others' ellipses would hide what explains the selected one.
    const shown = selected === null || id === selected ? fade : 0;
    const ratio = semi_major_m > 0 ? semi_minor_m / semi_major_m : 1;
    const turn = (orientation_deg * Math.PI) / 180;
    const solid = Math.min(1, SOLID_UP_TO_M / Math.max(semi_major_m, 1e-6));
    ellipse[3 * i] = semi_major_m;
    ellipse[3 * i + 1] = ratio;
    ellipse[3 * i + 2] = turn;
    // While one is looked into, the colours beneath it have a meaning of their own.
    fill[2 * i] = selected === null ? shown * FILL_OPACITY * solid : 0;
    fill[2 * i + 1] = shown * LINE_OPACITY;
  });
  return {
    count: n,
    colour: attribute(colour, 4),
    heading: attribute(heading, 1),
    headingColour: attribute(headingColour, 4),
    ellipse: attribute(ellipse, 3),
    fill: attribute(fill, 2),
    solid: attribute(new Float32Array(2 * n).fill(1), 2),
  };
}

/** Where each row's last piece of trail begins: at the end of what is drawn of it. */
export function headsOf(
  rows: readonly MotionRow[],
  origin: LonLat,
  ends: ReadonlyMap<string, LonLat> | undefined,
  height: Height,
): Attribute {
  const heads = new Float32Array(3 * rows.length);
  rows.forEach(({ id, ue }, i) => {
    const point = ue.trail.at(-2) ?? ue.trail.at(-1);
    const [lon, lat] = ends?.get(id) ?? [point?.lon ?? origin[0], point?.lat ?? origin[1]];
    heads[3 * i] = lon - origin[0];
    heads[3 * i + 1] = lat - origin[1];
    heads[3 * i + 2] = height(lon, lat);
  });
  return attribute(heads, 3);
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
