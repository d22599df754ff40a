import { describe, expect, it } from 'vitest';
import type { LiveFix } from '../api/types';
import {
  EMPTY_LIVE_STATE,
  joined,
  liveUrl,
  reduceFrame,
  type LiveFrame,
  type LiveState,
} from './live-state';

const START_MS = Date.parse('2026-11-24T12:00:00Z');

function fix(ue_id: string, offset: number, seconds: number, lon = 11.5): LiveFix {
  return {
    type: 'Feature',
    id: ue_id,
    geometry: { type: 'Point', coordinates: [lon, 48.1] },
    properties: {
      ue_id,
      fix_id: `${ue_id}-${offset}`,
      scene: 'munich',
      time: new Date(START_MS + seconds * 1000).toISOString(),
      accuracy_m: 3,
      confidence: 0.9,
      semi_major_m: 5,
      semi_minor_m: 2,
      orientation_deg: 10,
      ellipse_confidence: 0.95,
      offset,
    },
  };
}

function run(frames: LiveFrame[], from: LiveState = EMPTY_LIVE_STATE): LiveState {
  return frames.reduce(reduceFrame, from);
}

const HELLO: LiveFrame = { type: 'hello', epoch: 'e1', offset: 2, recovered: false, stale: false };
const SNAPSHOT: LiveFrame = {
  type: 'snapshot',
  epoch: 'e1',
  offset: 2,
  features: [fix('a', 1, 0), fix('b', 2, 0)],
};
const MOVED: LiveFrame = {
  type: 'fixes',
  epoch: 'e1',
  offset: 3,
  features: [fix('a', 3, 1, 11.6)],
};

describe('reduceFrame', () => {
  it('starts from a snapshot and follows fixes', () => {
    const state = run([HELLO, SNAPSHOT, MOVED]);
    expect(Object.keys(state.ues)).toEqual(['a', 'b']);
    expect(state.position).toEqual({ epoch: 'e1', offset: 3 });
    expect(state.ues['a']?.trail.map((p) => p.lon)).toEqual([11.5, 11.6]);
    expect(state.missedSome).toBe(false);
  });

  it('takes a repeated or late fix once', () => {
    const late: LiveFrame = {
      type: 'fixes',
      epoch: 'e1',
      offset: 4,
      features: [fix('a', 4, -5, 11.4)],
    };
    const state = run([HELLO, SNAPSHOT, MOVED, MOVED, late]);
    expect(state.ues['a']?.trail).toHaveLength(2);
    expect(state.ues['a']?.fix.properties.offset).toBe(3);
    expect(state.position?.offset).toBe(4);
  });

  it('keeps trails across a recovered reconnection', () => {
    const before = run([HELLO, SNAPSHOT, MOVED]);
    const again: LiveFrame = { ...HELLO, offset: 3, recovered: true } as LiveFrame;
    const state = run([again, { ...MOVED, offset: 5, features: [fix('a', 5, 2, 11.7)] }], before);
    expect(state.ues['a']?.trail).toHaveLength(3);
    expect(state.missedSome).toBe(false);
  });

  it('says so when the log could not be continued', () => {
    const before = run([HELLO, SNAPSHOT, MOVED]);
    const state = run([{ ...HELLO, offset: 900 } as LiveFrame], before);
    expect(state.missedSome).toBe(true);
    expect(Object.keys(state.ues)).toHaveLength(2);
  });

  it('forgets the UEs of another log', () => {
    const before = run([HELLO, SNAPSHOT]);
    expect(run([{ ...HELLO, epoch: 'e2' } as LiveFrame], before).ues).toEqual({});
  });

  it('drops trail points older than half a minute', () => {
    const state = run([
      HELLO,
      SNAPSHOT,
      MOVED,
      { type: 'fixes', epoch: 'e1', offset: 9, features: [fix('a', 9, 31, 11.8)] },
    ]);
    expect(state.ues['a']?.trail.map((p) => p.lon)).toEqual([11.6, 11.8]);
  });

  it('knows when the service has lost its log, and when it is back', () => {
    const ping = (stale: boolean): LiveFrame => ({ type: 'ping', time: '', stale });
    const state = run([HELLO, SNAPSHOT, ping(true)]);
    expect(state.stale).toBe(true);
    expect(run([ping(false)], state).stale).toBe(false);
  });

  it('ignores a fix without a usable time', () => {
    const broken = fix('c', 7, 0);
    broken.properties.time = 'yesterday';
    const frame: LiveFrame = { type: 'fixes', epoch: 'e1', offset: 7, features: [broken] };
    expect(run([HELLO, SNAPSHOT, frame]).ues['c']).toBeUndefined();
  });
});

describe('liveUrl', () => {
  it('resumes by epoch and offset, encrypted when the page is', () => {
    expect(liveUrl('https://host/x?y', { epoch: 'e 1', offset: 7 })).toBe(
      'wss://host/api/v1/live?epoch=e+1&offset=7',
    );
    expect(liveUrl('http://host:8000/', null)).toBe('ws://host:8000/api/v1/live');
  });
});

describe('joined', () => {
  it('says the same in fewer frames, and keeps what stands between them apart', () => {
    const more: LiveFrame = { ...MOVED, offset: 4, features: [fix('b', 4, 2)] } as LiveFrame;
    const ping: LiveFrame = { type: 'ping', time: '', stale: true };
    const frames = [HELLO, SNAPSHOT, MOVED, more, ping, { ...more, offset: 5 } as LiveFrame];
    expect(joined(frames).map(({ type }) => type)).toEqual([
      'hello',
      'snapshot',
      'fixes',
      'ping',
      'fixes',
    ]);
    expect(run(joined(frames))).toEqual(run(frames));
  });
});
