import type { LonLat } from '../api/types';
import { polar } from './local-metres';

export const WEDGE_DEG = 65;

/** A closed ring: a site's sector as seen on the map, `width_deg` wide around its bearing. */
export function sectorWedge(
  site: LonLat,
  bearing_deg: number,
  radius_m: number,
  width_deg = WEDGE_DEG,
  segments = 12,
): LonLat[] {
  const arc = Array.from({ length: segments + 1 }, (_, i) =>
    polar(site, bearing_deg + width_deg * (i / segments - 0.5), radius_m),
  );
  return [site, ...arc, site];
}
