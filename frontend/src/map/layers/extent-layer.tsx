import { useMemo } from 'react';
import type { Feature } from 'geojson';
import type { Corners } from '../../api/types';
import { useEngine } from '../engine';
import { slot } from '../slots';

/** Outline of the radio map: outside it the service has nothing to say. */
export function ExtentLayer({ corners, colour }: { corners: Corners; colour: string }) {
  const { Source, Layer } = useEngine();
  const data = useMemo<Feature>(
    () => ({
      type: 'Feature',
      properties: {},
      geometry: { type: 'LineString', coordinates: [...corners, corners[0]] },
    }),
    [corners],
  );
  return (
    <Source id="extent" type="geojson" data={data}>
      <Layer
        id="extent"
        type="line"
        beforeId={slot('raster')}
        paint={{ 'line-color': colour, 'line-width': 1, 'line-dasharray': [4, 3] }}
      />
    </Source>
  );
}
