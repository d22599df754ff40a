import { expect, test } from 'vitest';
import type { LonLat } from '../../api/types';
import { LabelRoom } from './ue-labels';

const ZOOM = 16;
const PER_DEGREE = (512 * 2 ** ZOOM) / 360;

/** A map that is seen from straight above, at the equator. */
const flat = ([lon, lat]: LonLat) => ({ x: lon * PER_DEGREE, y: -lat * PER_DEGREE });
const at = (x: number, y: number): LonLat => [x / PER_DEGREE, -y / PER_DEGREE];

test('a label that would cover another finds no room', () => {
  const room = new LabelRoom(flat, ZOOM);
  expect(room.take('ue-1', at(100, 100))).toBe(true);
  expect(room.take('ue-2', at(120, 108))).toBe(false);
  expect(room.take('ue-3', at(120, 130))).toBe(true);
  expect(room.take('ue-4', at(200, 100))).toBe(true);
});

test('nor does one that would cover the name of a geofence', () => {
  const room = new LabelRoom(flat, ZOOM);
  room.reserve('Marienplatz', at(100, 100), [0, -10]);
  expect(room.take('ue-1', at(40, 92))).toBe(false);
  expect(room.take('ue-2', at(40, 112))).toBe(true);
});

test('what is near the viewer is larger and takes more room', () => {
  const doubled = (place: LonLat) => {
    const { x, y } = flat(place);
    return { x: 2 * x, y: 2 * y };
  };
  const room = new LabelRoom(doubled, ZOOM);
  expect(room.take('ue-1', at(50, 50))).toBe(true);
  expect(room.take('ue-2', at(50, 65))).toBe(false);
  expect(room.take('ue-3', at(50, 70))).toBe(true);
});
