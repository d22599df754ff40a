/** A WebSocket that keeps itself connected and continues where it stopped. */
import { withKey } from '../api/api-key';
import { liveUrl, type LiveFrame, type LogPosition } from './live-state';

export type Connection = 'connecting' | 'live' | 'reconnecting';

export interface LiveSocketEvents {
  /** Where the log was read up to; asked at every connection. */
  position(): LogPosition | null;
  frame(frame: LiveFrame): void;
  connection(state: Connection): void;
}

/** The service pings an idle socket well within this; a longer silence is a dead connection. */
const SILENCE_MS = 45_000;
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 8_000;

/** Wait before the nth retry [ms]: doubling, with up to a quarter of jitter. */
export function retryDelay_ms(attempt: number, random = Math.random()): number {
  return Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** attempt) * (1 - random / 4);
}

/** Opens the socket and returns what closes it. */
export function openLiveSocket(events: LiveSocketEvents): () => void {
  let socket: WebSocket | null = null;
  let timer = 0;
  let attempt = 0;
  let closed = false;

  const wait = (delay_ms: number, then: () => void) => {
    window.clearTimeout(timer);
    timer = window.setTimeout(then, delay_ms);
  };

  const retry = () => {
    if (closed) return;
    socket = null;
    events.connection('reconnecting');
    wait(retryDelay_ms(attempt++), connect);
  };

  const drop = () => {
    if (socket === null) return;
    socket.onclose = null;
    socket.close();
    retry();
  };

  function connect() {
    const opened = new WebSocket(withKey(liveUrl(window.location.href, events.position())));
    socket = opened;
    wait(SILENCE_MS, drop);
    opened.onmessage = (message: MessageEvent<string>) => {
      const frame = JSON.parse(message.data) as LiveFrame;
      if (frame.type === 'hello') {
        attempt = 0;
        events.connection('live');
      }
      events.frame(frame);
      wait(SILENCE_MS, drop);
    };
    opened.onclose = retry;
  }

  const online = () => {
    if (socket === null) wait(0, connect);
  };

  window.addEventListener('online', online);
  events.connection('connecting');
  connect();
  return () => {
    closed = true;
    window.removeEventListener('online', online);
    window.clearTimeout(timer);
    if (socket) socket.onclose = null;
    socket?.close();
  };
}
