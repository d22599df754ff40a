import { useMemo } from 'react';
import type { Feature } from 'geojson';
import { useTrack } from '../../api/get-track';
import { useEngine } from '../engine';
import type { MapColours } from '../map-colours';
import { slot } from '../slots';

/** Where the selected UE came from: its stored fixes of the last minutes, thin below the trail. */
export function TrackLayer({ ueId, colours }: { ueId: string; colours: MapColours }) {
  const { Source, Layer } = useEngine();
  const { data: track } = useTrack(ueId);
  const data = useMemo<Feature | null>(
    () =>
      track && track.features.length > 1
        ? {
            type: 'Feature',
            properties: {},
            geometry: {
              type: 'LineString',
              coordinates: track.features.map((fix) => fix.geometry.coordinates),
            },
          }
        : null,
    [track],
  );
  if (!data) return null;
  return (
    <Source id="track" type="geojson" data={data}>
      <Layer
        id="track"
        type="line"
        beforeId={slot('uncertainty')}
        layout={{ 'line-join': 'round' }}
        paint={{ 'line-color': colours.accent, 'line-width': 1.5, 'line-opacity': 0.55 }}
      />
    </Source>
  );
}
