/** Where phones really were, as far as their sender told, as flat arrays. */
import type { LonLat } from '../../api/types';
import type { Height } from '../../geometry/height';
import type { MotionRow } from '../../live/motion';
import { attribute, type Attribute, type Rgb } from './attribute';

export interface Truths {
  count: number;
  place: Attribute;
  /** The fix that stands for the true place. */
  fix: Attribute;
  colour: Attribute;
  solid: Attribute;
}

/** Of the selected UE alone, or of all rows. */
export function truthsOf(
  rows: readonly MotionRow[],
  origin: LonLat,
  ink: Rgb,
  selected: string | null,
  height: Height,
): Truths {
  const told = rows.flatMap(({ id, ue: { fix } }) => {
    const truth = fix.properties.truth;
    const [lon = 0, lat = 0] = fix.geometry.coordinates;
    return truth && (selected === null || id === selected) ? [{ truth, lon, lat }] : [];
  });
  const from = ([lon, lat]: readonly [number, number]) => [
    lon - origin[0],
    lat - origin[1],
    height(lon, lat),
  ];
  const count = told.length;
  return {
    count,
    place: attribute(Float32Array.from(told.flatMap(({ truth }) => from(truth as LonLat))), 3),
    fix: attribute(Float32Array.from(told.flatMap(({ lon, lat }) => from([lon, lat]))), 3),
    colour: attribute(Uint8Array.from(told.flatMap(() => [...ink, 255])), 4),
    solid: attribute(new Float32Array(2 * count).fill(1), 2),
  };
}
