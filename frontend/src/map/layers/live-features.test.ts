import { describe, expect, it } from 'vitest';
import type { LiveUe } from '../../live/live-state';
import { ellipseFeatures, markerFeatures, trailFeatures } from './live-features';

const NOW_MS = 1_000_000;

function ue(ue_id: string, age_ms: number, semi_major_m = 10): LiveUe {
  const time_ms = NOW_MS - age_ms;
  return {
    time_ms,
    trail: [
      { lon: 11.5, lat: 48.1, time_ms: time_ms - 1000 },
      { lon: 11.501, lat: 48.1, time_ms },
    ],
    fix: {
      type: 'Feature',
      id: ue_id,
      geometry: { type: 'Point', coordinates: [11.501, 48.1] },
      properties: {
        ue_id,
        fix_id: 'f',
        scene: 's',
        time: new Date(time_ms).toISOString(),
        accuracy_m: 4,
        confidence: 1,
        semi_major_m,
        semi_minor_m: 5,
        orientation_deg: 0,
        ellipse_confidence: 0.95,
        offset: 1,
      },
    },
  };
}

const UES = { a: ue('a', 0), b: ue('b', 47_000, 200) };

describe('markerFeatures', () => {
  it('fades a stale fix and says how old it is, in steps', () => {
    const [a, b] = markerFeatures(UES, 'a', NOW_MS).features.map((f) => f.properties);
    expect(a).toMatchObject({ fade: 1, selected: true, label: 'a' });
    expect(b).toMatchObject({ selected: false, label: 'b \u00b7 40\u00a0s' });
    expect(b?.fade).toBeLessThan(0.6);
  });
});

describe('ellipseFeatures', () => {
  it('fills large ellipses faintly', () => {
    const fills = ellipseFeatures(UES, null, NOW_MS).features.map((f) => f.properties.fill);
    expect(fills).toEqual([1, 0.1]);
  });
  it('leaves the selected one alone on the map', () => {
    expect(ellipseFeatures(UES, 'b', NOW_MS).features).toHaveLength(1);
    expect(ellipseFeatures(UES, 'gone', NOW_MS).features).toHaveLength(0);
  });
});

describe('trailFeatures', () => {
  it('needs two points', () => {
    const still = { ...ue('c', 0), trail: [{ lon: 11, lat: 48, time_ms: 0 }] };
    expect(trailFeatures({ ...UES, c: still }, null).features).toHaveLength(2);
  });
});
