import { create } from 'zustand';
import { openLiveSocket, type Connection, type LiveSocketEvents } from './live-socket';
import {
  EMPTY_LIVE_STATE,
  joined,
  reduceFrame,
  type LiveFrame,
  type LiveState,
} from './live-state';

interface LiveStore extends LiveState {
  connection: Connection;
}

export const useLive = create<LiveStore>(() => ({ ...EMPTY_LIVE_STATE, connection: 'connecting' }));

/**
 * Frames of this time [ms] become one change of the store: every change draws the map again, and
 * five pictures a second are enough to watch people and cars move.
 */
const GATHER_MS = 200;

let reopen: (() => void) | null = null;

/** Opens the live socket anew, with the key that is held now. */
export function reconnectLive(): void {
  reopen?.();
}

/** Fills the store from the live socket until the returned function is called. */
export function connectLive(): () => void {
  let waiting: LiveFrame[] = [];
  let timer: number | null = null;
  const flush = () => {
    if (timer !== null) window.clearTimeout(timer);
    timer = null;
    const frames = waiting;
    waiting = [];
    useLive.setState((state) => joined(frames).reduce<LiveState>(reduceFrame, state));
  };
  const events: LiveSocketEvents = {
    position: () => {
      flush();
      return useLive.getState().position;
    },
    frame: (frame) => {
      waiting.push(frame);
      timer ??= window.setTimeout(flush, GATHER_MS);
    },
    connection: (connection) => useLive.setState({ connection }),
  };
  let close = openLiveSocket(events);
  reopen = () => {
    close();
    close = openLiveSocket(events);
  };
  return () => {
    if (timer !== null) window.clearTimeout(timer);
    reopen = null;
    close();
  };
}
