import { expect, test } from 'vitest';
import { framingZoom } from './camera';

test('a radius fills a twelfth of the side', () => {
  const zoom = framingZoom(10, 48.1, 1200);
  const metresPerPixel = (40_075_016.7 * Math.cos((48.1 * Math.PI) / 180)) / (512 * 2 ** zoom);
  expect(10 / metresPerPixel).toBeCloseTo(100, 6);
});

test('neither a sure fix nor a vague one leads too far', () => {
  expect(framingZoom(0.01, 48.1, 800)).toBe(19.5);
  expect(framingZoom(1e5, 48.1, 800)).toBe(15);
});
