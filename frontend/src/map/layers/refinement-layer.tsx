import { useMemo } from 'react';
import type { Feature, FeatureCollection } from 'geojson';
import type { FixDetail } from '../../api/types';
import { useEngine } from '../engine';
import type { MapColours } from '../map-colours';
import { slot } from '../slots';

function refinementFeatures(fix: FixDetail): FeatureCollection | null {
  const path = fix.refinement?.path.map(([lat, lon]) => [lon, lat]) ?? [];
  const start = path[0];
  const end = path.at(-1);
  if (!start || !end) return null;
  const point = (end_of_path: boolean, coordinates: number[]): Feature => ({
    type: 'Feature',
    geometry: { type: 'Point', coordinates },
    properties: { refined: end_of_path },
  });
  return {
    type: 'FeatureCollection',
    features: [
      {
        type: 'Feature',
        geometry: { type: 'LineString', coordinates: path.length > 1 ? path : [start, start] },
        properties: {},
      },
      point(false, start),
      point(true, end),
    ],
  };
}

/** From the unrefined place (hollow) along the gradient steps to the refined one (filled). */
export function RefinementLayer({ fix, colours }: { fix: FixDetail; colours: MapColours }) {
  const { Source, Layer } = useEngine();
  const data = useMemo(() => refinementFeatures(fix), [fix]);
  if (!data) return null;
  return (
    <Source id="refinement" type="geojson" data={data}>
      <Layer
        id="refinement-casing"
        type="line"
        beforeId={slot('fix')}
        filter={['==', ['geometry-type'], 'LineString']}
        paint={{ 'line-color': colours.halo, 'line-width': 5 }}
      />
      <Layer
        id="refinement-path"
        type="line"
        beforeId={slot('fix')}
        filter={['==', ['geometry-type'], 'LineString']}
        paint={{ 'line-color': colours.ink, 'line-width': 2 }}
      />
      <Layer
        id="refinement-ends"
        type="circle"
        beforeId={slot('fix')}
        filter={['==', ['geometry-type'], 'Point']}
        paint={{
          'circle-radius': 4,
          'circle-color': ['case', ['get', 'refined'], colours.ink, colours.halo],
          'circle-stroke-color': ['case', ['get', 'refined'], colours.halo, colours.ink],
          'circle-stroke-width': 1.5,
        }}
      />
    </Source>
  );
}
