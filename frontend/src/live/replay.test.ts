import { describe, expect, it } from 'vitest';
import type { LiveFix } from '../api/types';
import { firstTime_ms, lastUntil, storedTrack, uesAt } from './replay';

function fix(seconds: number): LiveFix {
  return {
    type: 'Feature',
    id: 'a',
    geometry: { type: 'Point', coordinates: [11 + seconds / 1000, 48] },
    properties: {
      ue_id: 'a',
      fix_id: `f${seconds}`,
      scene: 's',
      time: new Date(seconds * 1000).toISOString(),
      accuracy_m: 1,
      confidence: 1,
      semi_major_m: 1,
      semi_minor_m: 1,
      orientation_deg: 0,
      ellipse_confidence: 0.95,
      offset: seconds,
    },
  };
}

describe('uesAt', () => {
  const tracks = [storedTrack('a', [fix(10), fix(20), fix(60)])];
  it('shows the fix of then, with its trail', () => {
    const ue = uesAt(tracks, 25_000)['a'];
    expect(ue?.fix.properties.fix_id).toBe('f20');
    expect(ue?.trail.map((point) => point.time_ms)).toEqual([10_000, 20_000]);
  });
  it('drops what a trail no longer holds', () => {
    expect(uesAt(tracks, 90_000)['a']?.trail).toHaveLength(1);
  });
  it('leaves out who was not there yet', () => {
    expect(uesAt(tracks, 9_999)).toEqual({});
  });
});

describe('firstTime_ms', () => {
  it('is that of whoever was there first', () => {
    const tracks = [storedTrack('a', [fix(20), fix(30)]), storedTrack('b', [fix(10)])];
    expect(firstTime_ms(tracks)).toBe(10_000);
  });
  it('holds nothing back where nobody was', () => {
    expect(firstTime_ms([storedTrack('a', [])])).toBe(-Infinity);
  });
});

describe('lastUntil', () => {
  it('finds the last time that is not later', () => {
    expect([0, 1, 1.5, 3, 9].map((t) => lastUntil([1, 2, 3], t))).toEqual([-1, 0, 0, 2, 2]);
  });
});
