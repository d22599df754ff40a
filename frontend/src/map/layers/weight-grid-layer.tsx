import { useMemo } from 'react';
import type { Grid } from '../../api/types';
import { gridImageUrl, type Scaling } from '../../colour/grid-image';
import { useEngine } from '../engine';
import type { Scheme } from '../map-colours';
import { slot } from '../slots';

interface Props {
  grid: Grid;
  /** [row * columns + column], row 0 = south. */
  values: readonly number[];
  scaling: Scaling;
  scheme: Scheme;
}

/** Attention or posterior over the map: weights per grid cell, painted here from the numbers. */
export function WeightGridLayer({ grid, values, scaling, scheme }: Props) {
  const { Source, Layer } = useEngine();
  const url = useMemo(
    () => gridImageUrl(values, grid.rows, grid.columns, scaling, scheme),
    [values, grid.rows, grid.columns, scaling, scheme],
  );
  return (
    <Source id="weight-grid" type="image" url={url} coordinates={grid.corners}>
      <Layer
        id="weight-grid"
        type="raster"
        beforeId={slot('raster')}
        paint={{ 'raster-fade-duration': 0, 'raster-resampling': 'nearest' }}
      />
    </Source>
  );
}
