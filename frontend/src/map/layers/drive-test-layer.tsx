import { useMemo } from 'react';
import type { ExpressionSpecification } from 'maplibre-gl';
import { useDriveTest } from '../../api/get-drive-test';
import { DIVERGING } from '../../colour/ramps';
import { summary } from '../../geometry/drive-residuals';
import { useEngine } from '../engine';
import type { MapColours } from '../map-colours';
import { slot } from '../slots';

interface Props {
  scene: string;
  cell: string;
  colours: MapColours;
}

/** Where a drive test measured, coloured by measured minus map; hollow where the map has no value. */
export function DriveTestLayer({ scene, cell, colours }: Props) {
  const { Source, Layer } = useEngine();
  const { data } = useDriveTest(scene, cell);
  const limit_db = useMemo(() => (data ? summary(data).limit_db : 0), [data]);
  if (!data || data.features.length === 0) return null;
  const colour = [
    'interpolate',
    ['linear'],
    ['get', 'residual_db'],
    ...DIVERGING.flatMap(({ at, colour: stop }) => [at * limit_db, stop]),
  ] as unknown as ExpressionSpecification;
  const known: ExpressionSpecification = ['==', ['typeof', ['get', 'residual_db']], 'number'];
  return (
    <Source id="drive-test" type="geojson" data={data}>
      <Layer
        id="drive-test"
        type="circle"
        beforeId={slot('uncertainty')}
        paint={{
          'circle-radius': ['interpolate', ['linear'], ['zoom'], 13, 2.5, 17, 6],
          'circle-color': ['case', known, colour, colours.ground],
          'circle-stroke-color': colours.ink,
          'circle-stroke-width': 0.75,
        }}
      />
    </Source>
  );
}
