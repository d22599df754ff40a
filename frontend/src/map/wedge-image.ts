/** A sector as a picture, for where the ground is not flat: it stands out above the buildings. */
import type { ExpressionSpecification } from 'maplibre-gl';
import { perMetre_px } from '../geometry/pixel-scale';
import { WEDGE_DEG } from '../geometry/sector-wedge';
import type { MapColours } from './map-colours';

export const WEDGE = 'wedge';
const RADIUS_PX = 128;
const [FAR, NEAR] = [12, 22];

/** An `icon-image` expression. */
export function wedgeImage(
  colours: MapColours,
  opacity: ExpressionSpecification,
): ExpressionSpecification {
  return ['concat', `${WEDGE}|${colours.site}|${colours.halo}|`, ['to-string', opacity]];
}

/** An `icon-size` expression that is true to scale at a latitude. */
export function wedgeSize(
  lat_deg: number,
  radius_m: ExpressionSpecification,
): ExpressionSpecification {
  const size = (zoom: number): ExpressionSpecification => [
    '*',
    perMetre_px(zoom, lat_deg) / RADIUS_PX,
    radius_m,
  ];
  return ['interpolate', ['exponential', 2], ['zoom'], FAR, size(FAR), NEAR, size(NEAR)];
}

/** Draws a sector to the north, its site in the middle of the picture. */
export function drawWedge(id: string, ratio: number): ImageData | null {
  const [, fill = '', outline = '', opacity = '1'] = id.split('|');
  const context = document.createElement('canvas').getContext('2d');
  if (!context) return null;
  const side = 2 * RADIUS_PX * ratio;
  context.canvas.width = side;
  context.canvas.height = side;
  context.scale(ratio, ratio);
  context.translate(RADIUS_PX, RADIUS_PX);
  const half = (WEDGE_DEG * Math.PI) / 360;
  context.beginPath();
  context.moveTo(0, 0);
  context.arc(0, 0, RADIUS_PX - 2, -Math.PI / 2 - half, -Math.PI / 2 + half);
  context.closePath();
  context.fillStyle = fill;
  context.globalAlpha = Number(opacity);
  context.fill();
  context.globalAlpha = 1;
  context.strokeStyle = outline;
  context.lineWidth = 2;
  context.stroke();
  return context.getImageData(0, 0, side, side);
}
