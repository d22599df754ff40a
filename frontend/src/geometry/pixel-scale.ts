/** Pixels per metre on the map, seen from above. */
const EQUATOR_M = 40_075_016.7;
/** Both engines draw the world at zoom 0 as a square of 512 px. */
const WORLD_PX = 512;

export function perMetre_px(zoom: number, lat_deg: number): number {
  return (WORLD_PX * 2 ** zoom) / (EQUATOR_M * Math.cos((lat_deg * Math.PI) / 180));
}
