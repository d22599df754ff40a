import type { LonLat } from '../api/types';
import { offset } from './local-metres';

export interface EllipseAxes {
  semi_major_m: number;
  semi_minor_m: number;
  /** Bearing of the major axis [deg]. */
  orientation_deg: number;
}

/**
 * Semi-axes at 68 % over those at 95 % of a two-dimensional normal distribution:
 * sqrt(ln(1 - 0.68) / ln(1 - 0.95)).
 */
export const AXES_68_OVER_95 = Math.sqrt(Math.log(1 - 0.68) / Math.log(1 - 0.95));

/** A closed ring (first point = last) along an uncertainty ellipse (TS 23.032, 5.3). */
export function ellipseRing(center: LonLat, axes: EllipseAxes, segments = 48): LonLat[] {
  const bearing = (axes.orientation_deg * Math.PI) / 180;
  const ring = Array.from({ length: segments }, (_, i): LonLat => {
    const t = (2 * Math.PI * i) / segments;
    const along_m = axes.semi_major_m * Math.cos(t);
    const across_m = axes.semi_minor_m * Math.sin(t);
    return offset(
      center,
      along_m * Math.sin(bearing) + across_m * Math.cos(bearing),
      along_m * Math.cos(bearing) - across_m * Math.sin(bearing),
    );
  });
  return [...ring, ring[0] as LonLat];
}
