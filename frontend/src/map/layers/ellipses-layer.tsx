import { useMemo } from 'react';
import { useLive } from '../../live/live-store';
import { useNow } from '../../ui/use-now';
import { useEngine } from '../engine';
import type { MapColours } from '../map-colours';
import { slot } from '../slots';
import { ellipseFeatures } from './live-features';

/** Uncertainty ellipse of every UE's latest fix. */
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
          'fill-opacity': ['*', ['get', 'fade'], ['case', ['get', 'selected'], 0.28, 0.14]],
        }}
      />
      <Layer
        id="ellipses-line"
        type="line"
        beforeId={slot('uncertainty')}
        paint={{
          'line-color': colours.accent,
          'line-width': ['case', ['get', 'selected'], 2, 1],
          'line-opacity': ['*', ['get', 'fade'], 0.8],
        }}
      />
    </Source>
  );
}
