import { useBuildings } from '../../api/get-buildings';
import { useEngine } from '../engine';
import { slot } from '../slots';

interface Props {
  scene: string;
  colour: string;
  opacity: number;
}

/** Footprints raised to their height. */
export function BuildingsLayer({ scene, colour, opacity }: Props) {
  const { Source, Layer } = useEngine();
  const { data } = useBuildings(scene);
  if (!data) return null;
  return (
    <Source id="buildings" type="geojson" data={data}>
      <Layer
        id="buildings"
        type="fill-extrusion"
        beforeId={slot('buildings')}
        paint={{
          'fill-extrusion-color': colour,
          'fill-extrusion-height': ['get', 'height_m'],
          'fill-extrusion-base': ['coalesce', ['get', 'base_m'], 0],
          'fill-extrusion-opacity': opacity,
        }}
      />
    </Source>
  );
}
