import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openLiveSocket, retryDelay_ms, type Connection } from './live-socket';
import type { LogPosition } from './live-state';

/** Stands where the browser's WebSocket does; the code under test is all ours. */
class Wire {
  static all: Wire[] = [];
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;
  closed = false;
  constructor(readonly url: string) {
    Wire.all.push(this);
  }
  close() {
    this.closed = true;
    this.onclose?.();
  }
  say(frame: object) {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('WebSocket', Wire);
  Wire.all = [];
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function open() {
  const states: Connection[] = [];
  let position: LogPosition | null = null;
  const close = openLiveSocket({
    position: () => position,
    frame: (frame) => {
      if (frame.type === 'fixes') position = { epoch: frame.epoch, offset: frame.offset };
    },
    connection: (state) => states.push(state),
  });
  return { states, close };
}

describe('openLiveSocket', () => {
  it('reconnects where it stopped', () => {
    const { states, close } = open();
    Wire.all[0]?.say({ type: 'hello', epoch: 'e', offset: 0, recovered: false, stale: false });
    Wire.all[0]?.say({ type: 'fixes', epoch: 'e', offset: 41, features: [] });
    Wire.all[0]?.close();
    vi.advanceTimersByTime(600);
    expect(Wire.all[1]?.url).toContain('?epoch=e&offset=41');
    Wire.all[1]?.say({ type: 'hello', epoch: 'e', offset: 41, recovered: true, stale: false });
    expect(states).toEqual(['connecting', 'live', 'reconnecting', 'live']);
    close();
  });

  it('gives up a silent connection', () => {
    const { close } = open();
    vi.advanceTimersByTime(45_000 + 600);
    expect(Wire.all).toHaveLength(2);
    expect(Wire.all[0]?.closed).toBe(true);
    close();
  });

  it('stays closed once closed', () => {
    const { close } = open();
    close();
    vi.advanceTimersByTime(120_000);
    expect(Wire.all).toHaveLength(1);
  });
});

describe('retryDelay_ms', () => {
  it('doubles up to eight seconds', () => {
    expect([0, 1, 2, 3, 4, 5].map((n) => retryDelay_ms(n, 0))).toEqual([
      500, 1000, 2000, 4000, 8000, 8000,
    ]);
    expect(retryDelay_ms(0, 1)).toBe(375);
  });
});
