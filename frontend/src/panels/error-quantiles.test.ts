import { describe, expect, it } from 'vitest';
import { distribution, quantile } from './error-quantiles';

describe('quantile', () => {
  it('interpolates', () => {
    expect(quantile([0, 10], 0.5)).toBe(5);
    expect(quantile([3], 0.9)).toBe(3);
    expect(quantile([], 0.5)).toBeNull();
  });
});

describe('distribution', () => {
  it('rises from the least to the largest', () => {
    const points = distribution([1, 2, 3, 4, 100], 3);
    expect(points).toEqual([
      [1, 0],
      [3, 0.5],
      [100, 1],
    ]);
  });
});
