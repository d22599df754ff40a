import { useMemo } from 'react';
import { useLive } from '../../live/live-store';
import { useEngine } from '../engine';
import type { MapColours } from '../map-colours';
import { slot } from '../slots';
import { trailFeatures } from './live-features';

/** The last half minute of every UE, fading towards its oldest end. */
export function TrailsLayer({
  selected,
  colours,
}: {
  selected: string | null;
  colours: MapColours;
}) {
  const { Source, Layer } = useEngine();
  const ues = useLive((state) => state.ues);
  const data = useMemo(() => trailFeatures(ues, selected), [ues, selected]);
  return (
    <Source id="trails" type="geojson" data={data} lineMetrics>
      <Layer
        id="trails"
        type="line"
        beforeId={slot('trails')}
        layout={{ 'line-cap': 'round', 'line-join': 'round' }}
        paint={{
          'line-width': ['case', ['get', 'selected'], 4, 2.5],
          'line-gradient': [
            'interpolate',
            ['linear'],
            ['line-progress'],
            0,
            colours.accentClear,
            1,
            colours.accent,
          ],
        }}
      />
    </Source>
  );
}
