/** How wide a road of an OpenStreetMap class is drawn. */
import type { ExpressionSpecification } from 'maplibre-gl';
import { perMetre_px } from './pixel-scale';

const WIDTHS_M: Readonly<Record<string, readonly string[]>> = {
  15: ['motorway', 'trunk'],
  12: ['primary'],
  10: ['secondary'],
  9: ['tertiary'],
  7: ['residential', 'unclassified', 'road', 'motorway_link', 'trunk_link', 'primary_link'],
  6: ['living_street', 'secondary_link', 'tertiary_link', 'raceway', 'busway'],
  5: ['pedestrian'],
  4: ['service', 'track'],
};
/** Everything else: ways for feet and wheels. */
const PATH_M = 2;

export const CARRIAGEWAYS: string[] = Object.values(WIDTHS_M).flat();
/** Not there, or not to be seen from above. */
export const UNSEEN = ['construction', 'proposed', 'corridor', 'elevator', 'platform'];

/** Width in metres, by class. */
export const WIDTH_M = [
  'match',
  ['get', 'highway'],
  ...Object.entries(WIDTHS_M).flatMap(([width_m, classes]) => [classes, Number(width_m)]),
  PATH_M,
] as unknown as ExpressionSpecification;

const [FAR, NEAR] = [12, 22];
const LEAST_PX = 0.5;

/** Line width in pixels, true to scale at a latitude, plus an edge of `edge_px` on either side. */
export function roadWidth(lat_deg: number, edge_px: number): ExpressionSpecification {
  const width = (zoom: number): ExpressionSpecification => [
    '+',
    2 * edge_px,
    ['max', LEAST_PX, ['*', perMetre_px(zoom, lat_deg), WIDTH_M]],
  ];
  return ['interpolate', ['exponential', 2], ['zoom'], FAR, width(FAR), NEAR, width(NEAR)];
}
