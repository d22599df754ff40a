import { describe, expect, it } from 'vitest';
import { ticksOf } from './plot';

describe('ticksOf', () => {
  it('are round values within the axis', () => {
    expect(ticksOf({ unit: 'm', min: 0, max: 9.7 }, 5)).toEqual([0, 2, 4, 6, 8]);
    expect(ticksOf({ unit: '', min: 0, max: 1 }, 2)).toEqual([0, 0.5, 1]);
  });
  it('are decades on a logarithmic axis', () => {
    expect(ticksOf({ unit: 'm', min: 0.1, max: 200, log: true }, 5)).toEqual([0.1, 1, 10, 100]);
  });
});
