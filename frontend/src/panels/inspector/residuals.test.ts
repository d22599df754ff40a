import { expect, it } from 'vitest';
import type { Residual } from '../../api/types';
import { byCell, rmsSigmas, sigmas } from './residuals';

function residual(difference: number | null, sigma = 3): Residual {
  return {
    report: 0,
    cell_id: 'a',
    feature: 'path_gain',
    unit: 'dB',
    observed: -80,
    expected: difference === null ? null : -80 - difference,
    difference,
    sigma,
  };
}

it('measures residuals in sigmas and leaves out what has no path', () => {
  expect(sigmas(residual(-6))).toBe(-2);
  expect(sigmas(residual(null))).toBeNull();
  expect(rmsSigmas([residual(3), residual(-9), residual(null)])).toBeCloseTo(Math.sqrt(5));
  expect(rmsSigmas([residual(null)])).toBeNull();
});

it('groups by cell and keeps the order', () => {
  const b = { ...residual(1), cell_id: 'b' };
  const groups = byCell([b, residual(2), { ...b, feature: 'toa' }]);
  expect(groups.map(([cell_id, rows]) => [cell_id, rows.length])).toEqual([
    ['b', 2],
    ['a', 1],
  ]);
});
