import { useWater } from '../../api/get-water';
import { useEngine } from '../engine';
import { slot } from '../slots';

/** Water bodies, and waterways as lines. */
export function WaterLayer({ scene, colour }: { scene: string; colour: string }) {
  const { Source, Layer } = useEngine();
  const { data } = useWater(scene);
  if (!data || data.features.length === 0) return null;
  return (
    <Source id="water" type="geojson" data={data}>
      <Layer
        id="water"
        type="fill"
        beforeId={slot('water')}
        filter={['==', ['geometry-type'], 'Polygon']}
        paint={{ 'fill-color': colour }}
      />
      <Layer
        id="waterways"
        type="line"
        beforeId={slot('water')}
        filter={['==', ['geometry-type'], 'LineString']}
        layout={{ 'line-cap': 'round', 'line-join': 'round' }}
        paint={{
          'line-color': colour,
          'line-width': ['interpolate', ['exponential', 2], ['zoom'], 14, 1, 21, 40],
        }}
      />
    </Source>
  );
}
