import { create } from 'zustand';
import { openLiveSocket, type Connection } from './live-socket';
import { EMPTY_LIVE_STATE, reduceFrame, type LiveFrame, type LiveState } from './live-state';

interface LiveStore extends LiveState {
  connection: Connection;
}

export const useLive = create<LiveStore>(() => ({ ...EMPTY_LIVE_STATE, connection: 'connecting' }));

/** Fills the store from the live socket until the returned function is called. */
export function connectLive(): () => void {
  // Frames come faster than the screen draws: those of one picture are one change of the store.
  let waiting: LiveFrame[] = [];
  let picture = 0;
  const flush = () => {
    picture = 0;
    const frames = waiting;
    waiting = [];
    useLive.setState((state) => frames.reduce<LiveState>(reduceFrame, state));
  };
  // A hidden tab draws nothing, so frames there are taken at once: the log position must move on.
  const schedule = () => {
    if (document.hidden) flush();
    else if (picture === 0) picture = requestAnimationFrame(flush);
  };
  const close = openLiveSocket({
    position: () => {
      cancelAnimationFrame(picture);
      flush();
      return useLive.getState().position;
    },
    frame: (frame) => {
      waiting.push(frame);
      schedule();
    },
    connection: (connection) => useLive.setState({ connection }),
  });
  return () => {
    cancelAnimationFrame(picture);
    close();
  };
}
