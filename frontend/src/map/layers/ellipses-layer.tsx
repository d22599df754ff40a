import { useMemo } from 'react';
import { useLive } from '../../live/live-store';
import { useNow } from '../../ui/use-now';
import { useEngine } from '../engine';
import type { MapColours } from '../map-colours';
import { slot } from '../slots';
import { ellipseFeatures } from './live-features';

/** Uncertainty ellipses of the latest fixes. */
export function EllipsesLayer({
  selected,
  colours,
}: {
  selected: string | null;
  colours: MapColours;
}) {
  const { Source, Layer } = useEngine();
  const ues = useLive((state) => state.ues);
  const now_ms = useNow();
  const data = useMemo(() => ellipseFeatures(ues, selected, now_ms), [ues, selected, now_ms]);
  return (
    <Source id="ellipses" type="geojson" data={data}>
      <Layer
        id="ellipses-fill"
        type="fill"
        beforeId={slot('uncertainty')}
        paint={{
          'fill-color': colours.accent,
          'fill-opacity': ['*', 0.22, ['get', 'fade'], ['get', 'fill']],
        }}
      />
      <Layer
        id="ellipses-line"
        type="line"
        beforeId={slot('uncertainty')}
        paint={{
          'line-color': colours.accent,
          'line-width': 1.5,
          'line-opacity': ['*', ['get', 'fade'], 0.8],
        }}
      />
    </Source>
  );
}
