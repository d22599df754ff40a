import { describe, expect, it } from 'vitest';
import type { LonLat } from '../api/types';
import { cluster } from './clusters';

const near = (n: number): LonLat[] =>
  Array.from({ length: n }, (_, i) => [11.57501 + i * 1e-7, 48.13701]);

describe('cluster', () => {
  it('joins what would overlap, and leaves the rest alone', () => {
    const found = cluster([...near(5), [11.59, 48.13]], 15);
    expect(found.clusters).toHaveLength(1);
    expect(found.clusters[0]?.count).toBe(5);
    expect(found.clusters[0]?.center[0]).toBeCloseTo(11.57501, 5);
    expect(found.single).toEqual([5]);
  });
  it('draws few points as they are', () => {
    expect(cluster(near(3), 15)).toEqual({ clusters: [], single: [0, 1, 2] });
  });
  it('loses nobody', () => {
    const points: LonLat[] = Array.from({ length: 500 }, (_, i) => [
      11.57 + (i % 25) * 2e-4,
      48.13 + Math.floor(i / 25) * 2e-4,
    ]);
    const { clusters, single } = cluster(points, 15.7);
    const joined = clusters.reduce((sum, one) => sum + one.count, 0);
    expect(joined + single.length).toBe(500);
    expect(clusters.length).toBeGreaterThan(0);
  });
});
