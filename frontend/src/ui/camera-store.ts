import { create } from 'zustand';
import type { LonLat } from '../api/types';

/** The last place that a panel asked the map to show; a new object each time it asks. */
export const useCameraTarget = create<{ target: { center: LonLat } | null }>(() => ({
  target: null,
}));

export function showOnMap(center: LonLat): void {
  useCameraTarget.setState({ target: { center } });
}
