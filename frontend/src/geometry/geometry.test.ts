import { describe, expect, it } from 'vitest';
import type { LonLat } from '../api/types';
import { ellipseRing } from './ellipse';
import { distance_m, offset, polar } from './local-metres';
import { sectorWedge } from './sector-wedge';

const munich: LonLat = [11.5759, 48.1379];

describe('local metres', () => {
  it('matches a geodesic of pyproj (Geod WGS84): 500 m at bearing 60', () => {
    const [lon, lat] = polar(munich, 60, 500);
    expect(lon).toBeCloseTo(11.5817183, 6);
    expect(lat).toBeCloseTo(48.1401482, 6);
  });

  it('is its own inverse', () => {
    expect(distance_m(munich, offset(munich, 300, -400))).toBeCloseTo(500, 1);
  });
});

describe('ellipseRing', () => {
  it('is closed and keeps its semi-axes', () => {
    const ring = ellipseRing(munich, { semi_major_m: 30, semi_minor_m: 10, orientation_deg: 35 });
    expect(ring[0]).toEqual(ring.at(-1));
    const radii = ring.map((p) => distance_m(munich, p));
    expect(Math.max(...radii)).toBeCloseTo(30, 3);
    expect(Math.min(...radii)).toBeCloseTo(10, 3);
  });

  it('points its major axis along the bearing', () => {
    const ring = ellipseRing(munich, { semi_major_m: 20, semi_minor_m: 1, orientation_deg: 90 });
    const [lon, lat] = ring[0] as LonLat;
    expect(lon).toBeGreaterThan(munich[0]);
    expect(lat).toBeCloseTo(munich[1], 9);
  });
});

describe('sectorWedge', () => {
  it('starts and ends at the site and is centred on the bearing', () => {
    const ring = sectorWedge(munich, 90, 50, 60, 4);
    expect(ring[0]).toEqual(munich);
    expect(ring.at(-1)).toEqual(munich);
    const middle = ring[3] as LonLat;
    expect(middle[0]).toBeGreaterThan(munich[0]);
    expect(middle[1]).toBeCloseTo(munich[1], 9);
    for (const p of ring.slice(1, -1)) expect(distance_m(munich, p)).toBeCloseTo(50, 3);
  });
});
