import { describe, expect, it } from 'vitest';
import { blendAttention } from './attention-blend';
import { gridPixels, scaled } from './grid-image';
import { weightColour } from './ramps';

describe('scaled', () => {
  it('is linear, or logarithmic over three decades', () => {
    expect(scaled(0.25, 0.5, 'linear')).toBe(0.5);
    expect(scaled(0.5, 0.5, 'decades')).toBe(1);
    expect(scaled(0.05, 0.5, 'decades')).toBeCloseTo(2 / 3);
    expect(scaled(1e-9, 0.5, 'decades')).toBe(0);
    expect(scaled(0, 0, 'linear')).toBe(0);
  });
});

describe('gridPixels', () => {
  it('puts the south row at the bottom and leaves zero transparent', () => {
    const pixels = gridPixels([0, 0, 0, 1], 2, 2, 'linear', 'dark');
    const alpha = [3, 7, 11, 15].map((i) => pixels[i]);
    expect(alpha).toEqual([0, 230, 0, 0]);
    expect([...pixels.slice(4, 7)]).toEqual([253, 231, 37]);
  });
});

describe('weightColour', () => {
  it('makes the largest weight contrast with the ground', () => {
    const lightness = ([r, g, b]: readonly number[]) => (r ?? 0) + (g ?? 0) + (b ?? 0);
    expect(lightness(weightColour(1, 'dark'))).toBeGreaterThan(lightness(weightColour(0, 'dark')));
    expect(lightness(weightColour(1, 'light'))).toBeLessThan(lightness(weightColour(0, 'light')));
  });
});

describe('blendAttention', () => {
  const attention = [
    [
      [1, 0],
      [0, 1],
    ],
    [
      [0.5, 0.5],
      [0.5, 0.5],
    ],
  ];
  it('averages what is not chosen', () => {
    expect(blendAttention(attention, 0, 1)).toEqual([0, 1]);
    expect(blendAttention(attention, 0, null)).toEqual([0.5, 0.5]);
    expect(blendAttention(attention, null, 0)).toEqual([0.75, 0.25]);
  });
  it('is empty for a head that is not there', () => {
    expect(blendAttention(attention, 5, 0)).toEqual([]);
  });
});
