/** Fixes as files that other programs read: CSV, GeoJSON (RFC 7946) and KML (OGC 12-007r2). */
import type { LiveFix } from '../api/types';

const COLUMNS = [
  'ue_id',
  'time',
  'lat',
  'lon',
  'accuracy_m',
  'semi_major_m',
  'semi_minor_m',
  'orientation_deg',
  'serving_cell',
  'truth_lat',
  'truth_lon',
  'fix_id',
] as const;

function row({ geometry, properties: p }: LiveFix): (string | number | null | undefined)[] {
  return [
    p.ue_id,
    p.time,
    geometry.coordinates[1],
    geometry.coordinates[0],
    p.accuracy_m,
    p.semi_major_m,
    p.semi_minor_m,
    p.orientation_deg,
    p.serving_cell,
    p.truth?.[1],
    p.truth?.[0],
    p.fix_id,
  ];
}

function csvField(value: string | number | null | undefined): string {
  const text = String(value ?? '');
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function fixesCsv(fixes: readonly LiveFix[]): string {
  const lines = fixes.map((fix) => row(fix).map(csvField).join(','));
  return `${[COLUMNS.join(','), ...lines].join('\n')}\n`;
}

export function fixesGeoJson(fixes: readonly LiveFix[]): string {
  return JSON.stringify({ type: 'FeatureCollection', features: fixes });
}

function xml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

export function fixesKml(fixes: readonly LiveFix[]): string {
  const marks = fixes.map(({ geometry: { coordinates }, properties: p }) =>
    [
      `<Placemark><name>${xml(p.ue_id)}</name>`,
      `<TimeStamp><when>${p.time}</when></TimeStamp>`,
      `<description>68 % within ${p.accuracy_m} m</description>`,
      `<Point><coordinates>${coordinates[0]},${coordinates[1]}</coordinates></Point></Placemark>`,
    ].join(''),
  );
  return `<?xml version="1.0" encoding="UTF-8"?>\n<kml xmlns="http://www.opengis.net/kml/2.2"><Document>${marks.join('\n')}</Document></kml>\n`;
}
