/** What the live layers draw, from what the live store holds. */
import type { Feature, FeatureCollection, LineString, Point, Polygon } from 'geojson';
import type { LonLat } from '../../api/types';
import { age } from '../../format/format';
import { freshness } from '../../format/freshness';
import { ellipseRing } from '../../geometry/ellipse';
import type { LiveUe } from '../../live/live-state';

/** Ages on the map go in steps [ms]: every label is an image, and a step keeps them few. */
const LABEL_STEP_MS = 10_000;

type Ues = Readonly<Record<string, LiveUe>>;

export interface MarkerProperties {
  ue_id: string;
  fade: number;
  selected: boolean;
  label: string;
}

function collect<G extends Point | LineString | Polygon, P extends object>(
  ues: Ues,
  draw: (ue: LiveUe, id: string) => Feature<G, P> | null,
): FeatureCollection<G, P> {
  const features = Object.entries(ues).flatMap(([id, ue]) => draw(ue, id) ?? []);
  return { type: 'FeatureCollection', features };
}

function markerLabel(ue_id: string, age_ms: number): string {
  const shown_ms = Math.floor(age_ms / LABEL_STEP_MS) * LABEL_STEP_MS;
  return shown_ms > 0 ? `${ue_id} \u00b7 ${age(shown_ms)}` : ue_id;
}

/** The latest position of each UE; a stale one carries its age in its label. */
export function markerFeatures(
  ues: Ues,
  selected: string | null,
  now_ms: number,
): FeatureCollection<Point, MarkerProperties> {
  return collect(ues, (ue, ue_id) => {
    const age_ms = now_ms - ue.time_ms;
    return {
      type: 'Feature',
      geometry: ue.fix.geometry,
      properties: {
        ue_id,
        fade: freshness(age_ms),
        selected: ue_id === selected,
        label: markerLabel(ue_id, age_ms),
      },
    };
  });
}

export function trailFeatures(
  ues: Ues,
  selected: string | null,
): FeatureCollection<LineString, { selected: boolean }> {
  return collect(ues, (ue, ue_id) =>
    ue.trail.length < 2
      ? null
      : {
          type: 'Feature',
          geometry: { type: 'LineString', coordinates: ue.trail.map((p) => [p.lon, p.lat]) },
          properties: { selected: ue_id === selected },
        },
  );
}

/** Ellipses whose semi-major axis is beyond this [m] are filled ever more faintly. */
const SOLID_UP_TO_M = 20;

/** Every UE's ellipse, or only that of the selected one: the others would hide what explains it. */
export function ellipseFeatures(
  ues: Ues,
  selected: string | null,
  now_ms: number,
): FeatureCollection<Polygon, { fade: number; fill: number }> {
  return collect(ues, (ue, ue_id) => {
    if (selected !== null && ue_id !== selected) return null;
    const axes = ue.fix.properties;
    return {
      type: 'Feature',
      geometry: {
        type: 'Polygon',
        coordinates: [ellipseRing(ue.fix.geometry.coordinates as LonLat, axes)],
      },
      properties: {
        fade: freshness(now_ms - ue.time_ms),
        fill: Math.min(1, SOLID_UP_TO_M / axes.semi_major_m),
      },
    };
  });
}
