import { expect, test } from 'vitest';
import { significance } from './significance';

function of(points: [number, number][]): number[] {
  const out = new Float32Array(points.length);
  significance(new Float32Array(points.flat()), 0, points.length - 1, out);
  return [...out];
}

test('ends matter most, points on the line not at all, corners by their distance', () => {
  expect(of([[0, 0], [5, 0], [10, 0]])).toEqual([Infinity, 0, Infinity]); // prettier-ignore
  expect(of([[0, 0], [5, 3], [10, 0]])).toEqual([Infinity, 3, Infinity]); // prettier-ignore
});

test('no point matters more than the one that its part hangs on', () => {
  const values = of([[0, 0], [1, 9], [5, -2], [10, 0]]); // prettier-ignore
  expect(values[1]).toBeCloseTo(9, 5);
  expect(values[2]).toBeLessThanOrEqual(9);
});

test('a place left and come back to is told apart', () => {
  expect(of([[2, 2], [6, 5], [2, 2]])).toEqual([Infinity, 5, Infinity]); // prettier-ignore
});
