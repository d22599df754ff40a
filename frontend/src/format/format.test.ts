import { describe, expect, it } from 'vitest';
import { age, metres, number, percent, signed, withUnit } from './format';
import { freshness } from './freshness';

describe('numbers', () => {
  it('use a true minus and no negative zero', () => {
    expect(number(-3.14159, 2)).toBe('\u22123.14');
    expect(number(-0.04, 1)).toBe('0.0');
    expect(signed(2, 1)).toBe('+2.0');
    expect(signed(-0.01, 1)).toBe('0.0');
  });
  it('show a dash for what is missing', () => {
    expect(number(null)).toBe('\u2013');
    expect(number(NaN)).toBe('\u2013');
    expect(withUnit(number(undefined), 'dB')).toBe('\u2013');
  });
  it('carry their unit', () => {
    expect(metres(3.26)).toBe('3.3\u00a0m');
    expect(metres(32.6)).toBe('33\u00a0m');
    expect(percent(0.256)).toBe('26\u00a0%');
    expect(withUnit('90', 'deg')).toBe('90\u00b0');
    expect(withUnit('0.1', '1')).toBe('0.1');
  });
});

describe('age', () => {
  it.each([
    [-200, '0\u00a0s'],
    [59_400, '59\u00a0s'],
    [61_000, '1\u00a0min'],
    [3_600_000, '1\u00a0h'],
    [90_000_000, '1\u00a0d'],
  ])('%d ms is %s', (ms, text) => expect(age(ms)).toBe(text));
});

describe('freshness', () => {
  it('is whole while live and fades to a floor', () => {
    expect(freshness(0)).toBe(1);
    expect(freshness(5_000)).toBe(1);
    expect(freshness(32_500)).toBeCloseTo(0.65);
    expect(freshness(1e9)).toBeCloseTo(0.3);
  });
});
