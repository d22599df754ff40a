import { create } from 'zustand';
import type { FixDetail, LonLat } from '../api/types';

export interface CameraTarget {
  center: LonLat;
  /** What lies within it fills a sixth of the map's shorter side; without, the zoom stays. */
  radius_m: number | null;
}

/** The last place that a panel asked the map to show; a new object each time it asks. */
export const useCameraTarget = create<{ target: CameraTarget | null }>(() => ({ target: null }));

export function showOnMap(center: LonLat, radius_m: number | null = null): void {
  useCameraTarget.setState({ target: { center, radius_m } });
}

/** Brings a fix so near that its ellipse and what is around it can be told apart. */
export function zoomTo({ fix }: FixDetail): void {
  showOnMap([fix.lon, fix.lat], fix.ellipse.semi_major_m);
}
