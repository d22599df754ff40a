import { create } from 'zustand';
import type { LonLat } from '../api/types';

/** Where the phone is supposed to be, for the fix that is explained; null is at the fix itself. */
export const useWhatIf = create<{ fixId: string | null; place: LonLat | null }>(() => ({
  fixId: null,
  place: null,
}));

export function suppose(fixId: string, place: LonLat | null): void {
  useWhatIf.setState({ fixId, place });
}
