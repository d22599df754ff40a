import { create } from 'zustand';

/** West, south, east, north of what the map shows [deg], after each move. */
export const useViewBounds = create<{ bounds: readonly [number, number, number, number] | null }>(
  () => ({ bounds: null }),
);
