import { create } from 'zustand';
import { openLiveSocket, type Connection } from './live-socket';
import { EMPTY_LIVE_STATE, reduceFrame, type LiveFrame, type LiveState } from './live-state';

interface LiveStore extends LiveState {
  connection: Connection;
}

export const useLive = create<LiveStore>(() => ({ ...EMPTY_LIVE_STATE, connection: 'connecting' }));

/**
 * Frames of this time [ms] become one change of the store: every change draws the map again, and
 * five pictures a second are enough to watch people and cars move.
 */
const GATHER_MS = 200;

/** Fills the store from the live socket until the returned function is called. */
export function connectLive(): () => void {
  let waiting: LiveFrame[] = [];
  let timer: number | null = null;
  const flush = () => {
    if (timer !== null) window.clearTimeout(timer);
    timer = null;
    const frames = waiting;
    waiting = [];
    useLive.setState((state) => frames.reduce<LiveState>(reduceFrame, state));
  };
  const close = openLiveSocket({
    position: () => {
      flush();
      return useLive.getState().position;
    },
    frame: (frame) => {
      waiting.push(frame);
      timer ??= window.setTimeout(flush, GATHER_MS);
    },
    connection: (connection) => useLive.setState({ connection }),
  });
  return () => {
    if (timer !== null) window.clearTimeout(timer);
    close();
  };
}
