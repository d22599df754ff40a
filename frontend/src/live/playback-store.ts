import { create } from 'zustand';

export const SPEEDS = [1, 2, 5, 10, 30] as const;

/** How playback runs; its time is in the link. */
export const usePlayback = create<{ playing: boolean; speed: number }>(() => ({
  playing: false,
  speed: 5,
}));
