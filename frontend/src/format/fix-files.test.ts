import { describe, expect, it } from 'vitest';
import type { LiveFix } from '../api/types';
import { fixesCsv, fixesGeoJson, fixesKml } from './fix-files';

const FIX: LiveFix = {
  type: 'Feature',
  id: 'a',
  geometry: { type: 'Point', coordinates: [11.5, 48.1] },
  properties: {
    ue_id: 'a,<b>',
    fix_id: 'f',
    scene: 's',
    time: '2026-11-24T12:00:00Z',
    accuracy_m: 2,
    confidence: 1,
    semi_major_m: 3,
    semi_minor_m: 2,
    orientation_deg: 10,
    ellipse_confidence: 0.95,
    offset: 1,
    serving_cell: 'A-1',
    truth: [11.6, 48.2],
  },
};

describe('files of fixes', () => {
  it('CSV quotes what holds a comma', () => {
    expect(fixesCsv([FIX]).split('\n')[1]).toBe(
      '"a,<b>",2026-11-24T12:00:00Z,48.1,11.5,2,3,2,10,A-1,48.2,11.6,f',
    );
  });
  it('GeoJSON keeps every property', () => {
    expect((JSON.parse(fixesGeoJson([FIX])) as { features: LiveFix[] }).features[0]).toEqual(FIX);
  });
  it('KML escapes names and writes longitude first', () => {
    const kml = fixesKml([FIX]);
    expect(kml).toContain('<name>a,&lt;b&gt;</name>');
    expect(kml).toContain('<coordinates>11.5,48.1</coordinates>');
  });
});
