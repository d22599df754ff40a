import { describe, expect, it } from 'vitest';
import type { LonLat } from '../api/types';
import { joined, straightPieces } from './street-lines';

const A: LonLat = [11, 0];
const B: LonLat = [11.001, 0];
const C: LonLat = [11.002, 0];
const D: LonLat = [11.003, 0];

describe('joined', () => {
  it('joins ways that meet, whichever way they run, and leaves others alone', () => {
    const apart: LonLat[] = [
      [11, 1],
      [11, 2],
    ];
    const lines = joined([[B, C], [B, A], apart, [D, C]]);
    expect(lines).toHaveLength(2);
    expect(lines[0]).toEqual([A, B, C, D]);
    expect(lines[1]).toEqual(apart);
  });

  it('uses each way of a ring once', () => {
    const [ring] = joined([
      [A, B, C],
      [C, D, A],
    ]);
    expect(ring).toHaveLength(5);
  });
});

describe('straightPieces', () => {
  it('keeps a street that bends little and cuts it at a corner', () => {
    const corner: LonLat = [11.002, 0.001];
    expect(straightPieces([A, [11.001, 0.0001], C])).toHaveLength(1);
    expect(straightPieces([A, B, C, corner])).toEqual([
      [A, B, C],
      [C, corner],
    ]);
  });

  it('skips a point that is there twice', () => {
    expect(straightPieces([A, A, B])).toEqual([[A, B]]);
  });
});
