import { useMemo } from 'react';
import { useLive } from '../../live/live-store';
import { useNow } from '../../ui/use-now';
import { useEngine } from '../engine';
import type { MapColours } from '../map-colours';
import { slot } from '../slots';
import { labelImage, useLabelImages } from '../use-label-images';
import { markerFeatures } from './live-features';

/** The layer that a click on a UE hits. */
export const UE_LAYER = 'ues';

interface Props {
  selected: string | null;
  showLabels: boolean;
  colours: MapColours;
}

/** A dot per UE at its latest fix: it fades as the fix ages, and its label then says how old. */
export function MarkersLayer({ selected, showLabels, colours }: Props) {
  const { Source, Layer } = useEngine();
  useLabelImages();
  const ues = useLive((state) => state.ues);
  const now_ms = useNow();
  const data = useMemo(() => markerFeatures(ues, selected, now_ms), [ues, selected, now_ms]);
  const label = useMemo(
    () => ({
      'icon-image': labelImage(colours, ['get', 'label']),
      'icon-anchor': 'left' as const,
      'icon-offset': [12, 0] as [number, number],
    }),
    [colours],
  );
  return (
    <Source id="ues" type="geojson" data={data}>
      <Layer
        id="ues-selected"
        type="circle"
        beforeId={slot('markers')}
        filter={['get', 'selected']}
        paint={{
          'circle-radius': 13,
          'circle-opacity': 0,
          'circle-stroke-color': colours.accent,
          'circle-stroke-width': 2.5,
        }}
      />
      <Layer
        id={UE_LAYER}
        type="circle"
        beforeId={slot('markers')}
        paint={{
          'circle-radius': 6.5,
          'circle-color': colours.accent,
          'circle-opacity': ['get', 'fade'],
          'circle-stroke-color': '#ffffff',
          'circle-stroke-width': 2,
          'circle-stroke-opacity': ['get', 'fade'],
        }}
      />
      {showLabels && (
        <Layer
          id="ue-labels"
          type="symbol"
          beforeId={slot('top')}
          filter={['!', ['get', 'selected']]}
          layout={label}
          paint={{ 'icon-opacity': ['get', 'fade'] }}
        />
      )}
      <Layer
        id="ue-label-selected"
        type="symbol"
        beforeId={slot('top')}
        filter={['get', 'selected']}
        layout={{ ...label, 'icon-offset': [18, 0], 'icon-allow-overlap': true }}
      />
    </Source>
  );
}
