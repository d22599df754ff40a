import { describe, expect, it } from 'vitest';
import { formatGeofences, parseGeofences, watch, type Geofence } from './geofences';
import type { LiveUe } from './live-state';

const SQUARE: Geofence = { name: 'Square', lon: 11.5, lat: 48.1, radius_m: 50 };
const DEG_PER_M = 1 / 74_500;

function ue(east_m: number, time_ms = 0): LiveUe {
  return {
    time_ms,
    trail: [],
    fix: {
      type: 'Feature',
      id: 'a',
      geometry: { type: 'Point', coordinates: [11.5 + east_m * DEG_PER_M, 48.1] },
      properties: {
        ue_id: 'a',
        fix_id: 'f',
        scene: 's',
        time: '',
        accuracy_m: 5,
        confidence: 1,
        semi_major_m: 5,
        semi_minor_m: 5,
        orientation_deg: 0,
        ellipse_confidence: 0.95,
        offset: 1,
      },
    },
  };
}

function types(path_m: number[]): string[] {
  let presence: ReadonlyMap<string, boolean> = new Map();
  return path_m.flatMap((east_m, i) => {
    const found = watch(presence, [SQUARE], { a: ue(east_m, i) }, i);
    presence = found.presence;
    return found.events.map((event) => event.type);
  });
}

describe('watch', () => {
  it('tells who enters and leaves', () => {
    expect(types([100, 30, 100])).toEqual(['area-entered', 'area-left']);
  });
  it('does not flutter at the edge', () => {
    expect(types([100, 49, 52, 49, 53])).toEqual(['area-entered']);
  });
  it('does not count a first look', () => {
    expect(types([10])).toEqual([]);
  });
  it('tells once who fell silent', () => {
    const first = watch(new Map(), [], { a: ue(0) }, 0);
    const second = watch(first.presence, [], { a: ue(0) }, 31_000);
    expect(second.events.map((event) => event.type)).toEqual(['silent']);
    expect(watch(second.presence, [], { a: ue(0) }, 40_000).events).toEqual([]);
  });
});

describe('geofences in a link', () => {
  it('come back as they were', () => {
    expect(parseGeofences(formatGeofences([SQUARE]))).toEqual([SQUARE]);
  });
  it('are left out when malformed', () => {
    expect(parseGeofences('a,1,2;b,1,2,-3;,1,2,3;c,x,2,3')).toEqual([]);
    expect(parseGeofences(null)).toEqual([]);
  });
});
