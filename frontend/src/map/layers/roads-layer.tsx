import type { ExpressionSpecification } from 'maplibre-gl';
import { useRoads } from '../../api/get-roads';
import type { LonLat } from '../../api/types';
import { CARRIAGEWAYS, roadWidth, UNSEEN, WIDTH_M } from '../../geometry/road-width';
import { useEngine } from '../engine';
import type { MapColours } from '../map-colours';
import { slot } from '../slots';

const EDGE_PX = 1;
const PATHS_FROM = 14.5;

const HIGHWAY: ExpressionSpecification = ['get', 'highway'];
/** Passages under a house are seen where they begin and end. */
const ABOVE_GROUND: ExpressionSpecification = [
  'all',
  ['in', ['coalesce', ['get', 'tunnel'], 'no'], ['literal', ['no', 'building_passage']]],
  ['!', ['in', HIGHWAY, ['literal', UNSEEN]]],
];
const IS_LINE: ExpressionSpecification = ['==', ['geometry-type'], 'LineString'];
const IS_ROAD: ExpressionSpecification = ['in', HIGHWAY, ['literal', CARRIAGEWAYS]];
const IS_STEPS: ExpressionSpecification = ['==', HIGHWAY, 'steps'];

interface Props {
  scene: string;
  at: LonLat;
  colours: MapColours;
}

/** Squares, paths, and roads as wide as their class, the larger ones on top. */
export function RoadsLayer({ scene, at: [, lat], colours }: Props) {
  const { Source, Layer } = useEngine();
  const { data } = useRoads(scene);
  if (!data || data.features.length === 0) return null;
  const round = { 'line-cap': 'round', 'line-join': 'round' } as const;
  return (
    <Source id="roads" type="geojson" data={data}>
      <Layer
        id="squares"
        type="fill"
        beforeId={slot('roads')}
        filter={['all', ABOVE_GROUND, ['!', IS_LINE]]}
        paint={{ 'fill-color': colours.road, 'fill-opacity': 0.6 }}
      />
      <Layer
        id="paths"
        type="line"
        beforeId={slot('roads')}
        minzoom={PATHS_FROM}
        filter={['all', ABOVE_GROUND, IS_LINE, ['!', IS_ROAD], ['!', IS_STEPS]]}
        paint={{ 'line-color': colours.roadEdge, 'line-width': roadWidth(lat, 0) }}
      />
      <Layer
        id="steps"
        type="line"
        beforeId={slot('roads')}
        minzoom={PATHS_FROM}
        filter={['all', ABOVE_GROUND, IS_LINE, IS_STEPS]}
        paint={{
          'line-color': colours.roadEdge,
          'line-width': roadWidth(lat, 0),
          'line-dasharray': [0.6, 0.4],
        }}
      />
      <Layer
        id="road-edges"
        type="line"
        beforeId={slot('roads')}
        filter={['all', ABOVE_GROUND, IS_LINE, IS_ROAD]}
        layout={round}
        paint={{ 'line-color': colours.roadEdge, 'line-width': roadWidth(lat, EDGE_PX) }}
      />
      <Layer
        id="roads"
        type="line"
        beforeId={slot('roads')}
        filter={['all', ABOVE_GROUND, IS_LINE, IS_ROAD]}
        layout={{ ...round, 'line-sort-key': WIDTH_M }}
        paint={{ 'line-color': colours.road, 'line-width': roadWidth(lat, 0) }}
      />
    </Source>
  );
}
