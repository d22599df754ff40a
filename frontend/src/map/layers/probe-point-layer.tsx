import { useMemo } from 'react';
import type { Feature } from 'geojson';
import { usePointer } from '../../ui/pointer-store';
import { useEngine } from '../engine';
import type { MapColours } from '../map-colours';
import { slot } from '../slots';

/** Marks the probed place where there is no cursor to mark it (touch, keys). */
export function ProbePointLayer({ colours }: { colours: MapColours }) {
  const { Source, Layer } = useEngine();
  const point = usePointer((state) => (state.unseen ? state.point : null));
  const data = useMemo<Feature | null>(
    () =>
      point && {
        type: 'Feature',
        properties: {},
        geometry: { type: 'Point', coordinates: [point.lon, point.lat] },
      },
    [point],
  );
  if (!data) return null;
  return (
    <Source id="probe-point" type="geojson" data={data}>
      <Layer
        id="probe-point"
        type="circle"
        beforeId={slot('top')}
        paint={{
          'circle-radius': 5,
          'circle-opacity': 0,
          'circle-stroke-color': colours.ink,
          'circle-stroke-width': 2,
        }}
      />
    </Source>
  );
}
