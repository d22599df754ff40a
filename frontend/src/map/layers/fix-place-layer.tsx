import { useMemo } from 'react';
import type { Feature, FeatureCollection } from 'geojson';
import type { FixDetail, LonLat } from '../../api/types';
import { AXES_68_OVER_95, ellipseRing } from '../../geometry/ellipse';
import { useEngine } from '../engine';
import type { MapColours } from '../map-colours';
import { slot } from '../slots';

function featuresOf({ fix }: FixDetail): FeatureCollection {
  const place: LonLat = [fix.lon, fix.lat];
  const { semi_major_m, semi_minor_m, orientation_deg } = fix.ellipse;
  const ring = (scale: number): Feature => ({
    type: 'Feature',
    properties: {},
    geometry: {
      type: 'LineString',
      coordinates: ellipseRing(place, {
        semi_major_m: scale * semi_major_m,
        semi_minor_m: scale * semi_minor_m,
        orientation_deg,
      }),
    },
  });
  return {
    type: 'FeatureCollection',
    features: [
      ring(1),
      ring(AXES_68_OVER_95),
      { type: 'Feature', properties: {}, geometry: { type: 'Point', coordinates: place } },
    ],
  };
}

/** A fix that is no UE's latest one, which the live markers do not show: its place and ellipses. */
export function FixPlaceLayer({ fix, colours }: { fix: FixDetail; colours: MapColours }) {
  const { Source, Layer } = useEngine();
  const data = useMemo(() => featuresOf(fix), [fix]);
  return (
    <Source id="fix-place" type="geojson" data={data}>
      <Layer
        id="fix-ellipses"
        type="line"
        beforeId={slot('uncertainty')}
        filter={['==', ['geometry-type'], 'LineString']}
        paint={{ 'line-color': colours.accent, 'line-width': 1.5, 'line-dasharray': [3, 2] }}
      />
      <Layer
        id="fix-place"
        type="circle"
        beforeId={slot('markers')}
        filter={['==', ['geometry-type'], 'Point']}
        paint={{
          'circle-radius': 6,
          'circle-color': colours.accent,
          'circle-stroke-color': colours.halo,
          'circle-stroke-width': 2,
        }}
      />
    </Source>
  );
}
