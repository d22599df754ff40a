import { expect, test } from 'vitest';
import type { LonLat } from '../../api/types';
import type { MotionRow } from '../../live/motion';
import { trailsOf } from './ue-trails';

const ORIGIN: LonLat = [0, 0];

/** A UE with a trail through the places; the last one is where its marker is. */
function row(places: LonLat[]): MotionRow {
  const trail = places.map(([lon, lat], i) => ({ lon, lat, time_ms: i * 1000 }));
  const time_ms = (places.length - 1) * 1000;
  return { id: 'ue', heading_deg: null, ue: { trail, time_ms } } as unknown as MotionRow;
}

function segments(rows: MotionRow[], most?: number): number[][] {
  const trails = trailsOf(
    rows,
    ORIGIN,
    [1, 2, 3],
    () => 1,
    10_000,
    (lon, lat) => lon + lat,
    most,
  );
  // The same values stand four times, once for every corner.
  return Array.from({ length: trails.count }, (_, i) =>
    [trails.source, trails.target].flatMap(({ value }) => [...value.slice(12 * i, 12 * i + 3)]),
  );
}

test('a trail leads over the ground through every place but the newest, each UE by itself', () => {
  const first = row([[0, 0], [1, 0], [2, 1], [9, 9]]); // prettier-ignore
  const second = row([[5, 5], [6, 5], [9, 9]]); // prettier-ignore
  expect(segments([first, second])).toEqual([
    [0, 0, 0, 1, 0, 1],
    [1, 0, 1, 2, 1, 3],
    [5, 5, 10, 6, 5, 11],
  ]);
});

test('of too many segments those stay that bend the trails most', () => {
  const bent = row([[0, 0], [1, 3], [2, 0], [9, 9]]); // prettier-ignore
  const straight = row([[5, 5], [6, 5], [7, 5], [9, 9]]); // prettier-ignore
  expect(segments([bent, straight], 3)).toEqual([
    [0, 0, 0, 1, 3, 4],
    [1, 3, 4, 2, 0, 2],
    [5, 5, 10, 7, 5, 12],
  ]);
});

test('a trail fades towards its oldest end', () => {
  const { fade } = trailsOf([row([[0, 0], [1, 0], [2, 0]])], ORIGIN, [1, 2, 3], () => 1, 10_000); // prettier-ignore
  expect(fade.value[0]).toBeLessThan(fade.value[1] ?? 0);
});
