import { expect, test } from 'vitest';
import type { LonLat } from '../../api/types';
import { MapNames, type Dot, type MapLabel } from './map-names';

const view = { zoom: 16, project: ([x, y]: LonLat) => ({ x, y }) };
const SITE: MapLabel = { text: 'MUC04', place: [100, 100], from_zoom: 15, gap_px: 4 };

function offsets(names: MapNames, now_ms: number, labels: readonly MapLabel[], dots: Dot[]) {
  return names.at(now_ms, labels, view, () => dots).map(({ offset_px }) => offset_px);
}

test('a name stands above its place, and moves away from under a dot', () => {
  const names = new MapNames();
  const labels = [SITE];
  const [[x, y] = [0, 0]] = offsets(names, 0, labels, []);
  expect(x).toBe(0);
  expect(y).toBeLessThan(0);
  const dot = { x: 80, y: 92 + y, radius_px: 9 };
  const [[aside, level] = [0, 0]] = offsets(names, 1000, labels, [dot]);
  expect(aside).toBeGreaterThan(0);
  expect(level).toBe(0);
  // It stays there once the dot has gone, rather than jump back and forth.
  expect(offsets(names, 2000, labels, [])).toEqual([[aside, 0]]);
});

test('between two looks it stays, wherever the dots go', () => {
  const names = new MapNames();
  const labels = [SITE];
  const before = offsets(names, 0, labels, []);
  expect(offsets(names, 100, labels, [{ x: 80, y: 78, radius_px: 9 }])).toEqual(before);
});

test('of two names in the same place one moves, and those of closer views wait', () => {
  const names = new MapNames();
  const same = [SITE, { ...SITE, text: 'MUC05' }, { ...SITE, text: '120°', from_zoom: 17 }];
  const placed = names.at(0, same, view, () => []);
  expect(placed.map(({ text }) => text)).toEqual(['MUC04', 'MUC05']);
  expect(placed[0]?.offset_px).not.toEqual(placed[1]?.offset_px);
});
