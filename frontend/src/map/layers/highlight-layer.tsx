import { useMemo } from 'react';
import type { Feature } from 'geojson';
import { useCells } from '../../api/get-cells';
import type { FixDetail } from '../../api/types';
import { useHighlight } from '../../ui/highlight-store';
import { useEngine } from '../engine';
import type { MapColours } from '../map-colours';
import { slot } from '../slots';

/** A line from the fix to the cell that is pointed at in the inspector. */
export function HighlightLayer({
  scene,
  fix,
  colours,
}: {
  scene: string;
  fix: FixDetail;
  colours: MapColours;
}) {
  const { Source, Layer } = useEngine();
  const cell = useHighlight((state) => state.cell);
  const { data: cells } = useCells(scene);
  const data = useMemo<Feature | null>(() => {
    const site = cells?.features.find(({ properties }) => properties.cell_id === cell);
    return (
      (site?.geometry && {
        type: 'Feature',
        properties: {},
        geometry: {
          type: 'LineString',
          coordinates: [[fix.fix.lon, fix.fix.lat], site.geometry.coordinates],
        },
      }) ??
      null
    );
  }, [cells, cell, fix]);
  if (!data) return null;
  return (
    <Source id="highlight" type="geojson" data={data}>
      <Layer
        id="highlight"
        type="line"
        beforeId={slot('fix')}
        paint={{ 'line-color': colours.ink, 'line-width': 2, 'line-dasharray': [2, 2] }}
      />
    </Source>
  );
}
