import type { LonLat } from '../api/types';

const SEMI_MAJOR_M = 6_378_137;
const ECCENTRICITY_SQUARED = 6.694_379_990_14e-3;
const DEG = Math.PI / 180;

/** Metres per degree of longitude and latitude (WGS 84 radii of curvature) at a latitude [deg]. */
function metresPerDegree(lat: number): { east: number; north: number } {
  const sin = Math.sin(lat * DEG);
  const w2 = 1 - ECCENTRICITY_SQUARED * sin * sin;
  const primeVertical_m = SEMI_MAJOR_M / Math.sqrt(w2);
  const meridian_m = (primeVertical_m * (1 - ECCENTRICITY_SQUARED)) / w2;
  return { east: primeVertical_m * Math.cos(lat * DEG) * DEG, north: meridian_m * DEG };
}

/** The point `east_m` and `north_m` away from another; good to 1 cm within a kilometre. */
export function offset([lon, lat]: LonLat, east_m: number, north_m: number): LonLat {
  const scale = metresPerDegree(lat);
  return [lon + east_m / scale.east, lat + north_m / scale.north];
}

/** Distance in metres between two points less than a few kilometres apart. */
export function distance_m([lonA, latA]: LonLat, [lonB, latB]: LonLat): number {
  const scale = metresPerDegree((latA + latB) / 2);
  return Math.hypot((lonB - lonA) * scale.east, (latB - latA) * scale.north);
}

/** The point at a distance [m] and bearing [deg, clockwise from true north]. */
export function polar(center: LonLat, bearing_deg: number, radius_m: number): LonLat {
  const angle = bearing_deg * DEG;
  return offset(center, radius_m * Math.sin(angle), radius_m * Math.cos(angle));
}

/** Bearing [deg, clockwise from true north] of b as seen from a. */
export function bearing_deg([lonA, latA]: LonLat, [lonB, latB]: LonLat): number {
  const scale = metresPerDegree((latA + latB) / 2);
  const angle = Math.atan2((lonB - lonA) * scale.east, (latB - latA) * scale.north);
  return ((angle * 180) / Math.PI + 360) % 360;
}
