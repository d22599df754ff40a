import { describe, expect, it } from 'vitest';
import type { LonLat } from '../api/types';
import type { LiveUe } from './live-state';
import { MotionTable, headingOf } from './motion';

const ORIGIN: LonLat = [11.5, 48.1];

function ue(id: string, points: [lon: number, lat: number, time_ms: number][]): LiveUe {
  const [lon, lat, time_ms] = points.at(-1) ?? [0, 0, 0];
  return {
    time_ms,
    trail: points.map(([x, y, t]) => ({ lon: x, lat: y, time_ms: t })),
    fix: {
      type: 'Feature',
      id,
      geometry: { type: 'Point', coordinates: [lon, lat] },
      properties: {
        ue_id: id,
        fix_id: `${id}-${time_ms}`,
        scene: 's',
        time: new Date(time_ms).toISOString(),
        accuracy_m: 2,
        confidence: 1,
        semi_major_m: 3,
        semi_minor_m: 2,
        orientation_deg: 0,
        ellipse_confidence: 0.95,
        offset: 1,
      },
    },
  };
}

const A1 = ue('a', [[11.5, 48.1, 0]]);
const A2 = ue('a', [
  [11.5, 48.1, 0],
  [11.5002, 48.1, 1000],
]);

describe('MotionTable', () => {
  it('glides to the newest fix within the time between fixes, and stops there', () => {
    const table = new MotionTable(ORIGIN);
    table.update({ a: A1 }, 0);
    expect(table.update({ a: A2 }, 5000)).toBe(true);
    expect(table.placeOf('a', 5000)?.[0]).toBeCloseTo(11.5, 6);
    expect(table.placeOf('a', 5500)?.[0]).toBeCloseTo(11.5001, 6);
    expect(table.placeOf('a', 9000)?.[0]).toBeCloseTo(11.5002, 6);
  });

  it('says when nothing moves any more', () => {
    const table = new MotionTable(ORIGIN);
    const into = new Float32Array(3);
    table.update({ a: A1 }, 0);
    table.update({ a: A2 }, 5000);
    expect(table.fill(into, 5500)).toBe(true);
    expect(table.fill(into, 6001)).toBe(false);
    expect(table.update({ a: A2 }, 6001)).toBe(false);
  });

  it('puts what it draws on the ground', () => {
    const table = new MotionTable(ORIGIN);
    const into = new Float32Array(3);
    table.update({ a: A1 }, 0);
    table.fill(into, 0, (lon, lat) => 100 * (lon - 11) + lat);
    expect(into[2]).toBeCloseTo(50 + 48.1, 4);
  });

  it('puts a far jump there at once', () => {
    const table = new MotionTable(ORIGIN);
    table.update({ a: A1 }, 0);
    table.update({ a: ue('a', [[11.6, 48.1, 1000]]) }, 5000);
    expect(table.placeOf('a', 5000)?.[0]).toBeCloseTo(11.6, 4);
  });

  it('forgets UEs that are gone', () => {
    const table = new MotionTable(ORIGIN);
    table.update({ a: A1, b: ue('b', [[11.51, 48.1, 0]]) }, 0);
    table.update({ a: A1 }, 10);
    expect(table.rows.map((row) => row.id)).toEqual(['a']);
    expect(table.placeOf('b', 10)).toBeNull();
  });
});

describe('headingOf', () => {
  it('is the bearing of motion', () => {
    expect(headingOf(A2)).toBeCloseTo(90, 0);
  });
  it('is not told while a UE stands', () => {
    const still = ue('a', [
      [11.5, 48.1, 0],
      [11.50001, 48.1, 1000],
    ]);
    expect(headingOf(still)).toBeNull();
    expect(headingOf(A1)).toBeNull();
  });
});
