import { useMemo } from 'react';
import type { FeatureCollection } from 'geojson';
import type { LonLat } from '../../api/types';
import { polar } from '../../geometry/local-metres';
import type { Geofence } from '../../live/geofences';
import { useUrlState } from '../../url/use-url-state';
import { useEngine } from '../engine';
import type { MapColours } from '../map-colours';
import { slot } from '../slots';

const SEGMENTS = 64;

/** Where a circle's name stands. */
export function nameOf({ lon, lat, radius_m }: Geofence): LonLat {
  return polar([lon, lat], 0, radius_m);
}

/** The watched circles; ues/map-names.ts draws their names. */
export function GeofencesLayer({ colours }: { colours: MapColours }) {
  const { Source, Layer } = useEngine();
  const fences = useUrlState((state) => state.geofences);
  const data = useMemo<FeatureCollection>(
    () => ({
      type: 'FeatureCollection',
      features: fences.map((fence) => ({
        type: 'Feature' as const,
        properties: { name: fence.name },
        geometry: {
          type: 'Polygon' as const,
          coordinates: [
            Array.from({ length: SEGMENTS + 1 }, (_, i) =>
              polar([fence.lon, fence.lat], (360 * i) / SEGMENTS, fence.radius_m),
            ),
          ],
        },
      })),
    }),
    [fences],
  );
  if (fences.length === 0) return null;
  return (
    <Source id="geofences" type="geojson" data={data}>
      <Layer
        id="geofences-area"
        type="fill"
        beforeId={slot('uncertainty')}
        paint={{ 'fill-color': colours.ink, 'fill-opacity': 0.06 }}
      />
      <Layer
        id="geofences-line"
        type="line"
        beforeId={slot('uncertainty')}
        paint={{ 'line-color': colours.ink, 'line-width': 2, 'line-dasharray': [3, 2] }}
      />
    </Source>
  );
}
