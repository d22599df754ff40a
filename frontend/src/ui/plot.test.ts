import { describe, expect, it } from 'vitest';
import { tickTexts, ticksOf } from './plot';

describe('ticksOf', () => {
  it('are round values within the axis', () => {
    expect(ticksOf({ unit: 'm', min: 0, max: 9.7 }, 5)).toEqual([0, 2, 4, 6, 8]);
    expect(ticksOf({ unit: '', min: 0, max: 1 }, 2)).toEqual([0, 0.5, 1]);
  });
  it('are decades on a logarithmic axis', () => {
    expect(ticksOf({ unit: 'm', min: 0.1, max: 200, log: true }, 5)).toEqual([0.1, 1, 10, 100]);
  });
});

describe('tickTexts', () => {
  it('tell neighbours apart, with no more decimals than that takes', () => {
    expect(tickTexts([0, 0.5, 1])).toEqual(['0', '0.5', '1.0']);
    expect(tickTexts([45.2, 45.4])).toEqual(['45.2', '45.4']);
    expect(tickTexts([0, 200, 400])).toEqual(['0', '200', '400']);
    expect(tickTexts([8.5])).toEqual(['8.5']);
    expect(tickTexts([0.1, 1, 10], true)).toEqual(['0.1', '1', '10']);
  });
});
