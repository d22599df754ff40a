import { expect, test } from 'vitest';
import { ranked, tookNoStep } from './fix-tab';

test('refinement took no step where the fix stayed and the energy did not change', () => {
  expect(tookNoStep([2.5], 0)).toBe(true);
  expect(tookNoStep([2.5, 2.5, 2.5], 0)).toBe(true);
  expect(tookNoStep([], 0)).toBe(true);
  expect(tookNoStep([2.5, 2.4], 0)).toBe(false);
  expect(tookNoStep([2.5, 2.5], 0.3)).toBe(false);
});

test('hypotheses that would read 0.0 % are counted, the heaviest one is always told', () => {
  const of = (...weights: number[]) =>
    ranked(weights.map((weight) => ({ lat: 0, lon: 0, x_m: 0, y_m: 0, weight })));
  expect(of(0.0004, 0.3, 0.0005, 0.6992).told.map(({ weight }) => weight)).toEqual([
    0.6992, 0.3, 0.0005,
  ]);
  expect(of(0.0004, 0.3, 0.0005, 0.6992).lighter).toBe(1);
  expect(of(0.0001)).toMatchObject({ told: [{ weight: 0.0001 }], lighter: 0 });
});
