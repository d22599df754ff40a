import { expect, test } from 'vitest';
import { tookNoStep } from './fix-tab';

test('refinement took no step where the fix stayed and the energy did not change', () => {
  expect(tookNoStep([2.5], 0)).toBe(true);
  expect(tookNoStep([2.5, 2.5, 2.5], 0)).toBe(true);
  expect(tookNoStep([], 0)).toBe(true);
  expect(tookNoStep([2.5, 2.4], 0)).toBe(false);
  expect(tookNoStep([2.5, 2.5], 0.3)).toBe(false);
});
