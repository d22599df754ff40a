import { useMemo } from 'react';
import type { FeatureCollection, Point } from 'geojson';
import type { FixDetail } from '../../api/types';
import { percent } from '../../format/format';
import { useEngine } from '../engine';
import type { MapColours } from '../map-colours';
import { slot } from '../slots';
import { labelImage, useLabelImages } from '../use-label-images';

/** A weight that is not rounded to 0 %. */
const WORTH_A_LABEL = 0.005;
/** Less would only hide what lies below. */
const WORTH_A_CIRCLE = 0.001;

function hypothesisFeatures(fix: FixDetail): FeatureCollection<Point> {
  return {
    type: 'FeatureCollection',
    features: fix.hypotheses
      .filter(({ weight }) => weight >= WORTH_A_CIRCLE)
      .map(({ lon, lat, weight }) => ({
        type: 'Feature',
        geometry: { type: 'Point', coordinates: [lon, lat] },
        properties: { weight, label: percent(weight) },
      })),
  };
}

/** The places that were considered: the area of a circle is its weight. */
export function HypothesesLayer({ fix, colours }: { fix: FixDetail; colours: MapColours }) {
  const { Source, Layer } = useEngine();
  useLabelImages();
  const data = useMemo(() => hypothesisFeatures(fix), [fix]);
  return (
    <Source id="hypotheses" type="geojson" data={data}>
      <Layer
        id="hypotheses"
        type="circle"
        beforeId={slot('fix')}
        paint={{
          'circle-radius': ['+', 3, ['*', 16, ['sqrt', ['get', 'weight']]]],
          'circle-opacity': 0,
          'circle-stroke-color': colours.ink,
          'circle-stroke-width': 1.5,
        }}
      />
      <Layer
        id="hypotheses-weight"
        type="symbol"
        filter={['>=', ['get', 'weight'], WORTH_A_LABEL]}
        beforeId={slot('top')}
        layout={{
          'icon-image': labelImage(colours, ['get', 'label']),
          'icon-anchor': 'top',
          'icon-offset': [0, 14],
          'symbol-sort-key': ['-', 1, ['get', 'weight']],
        }}
      />
    </Source>
  );
}
