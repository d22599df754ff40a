import type { RadioMapInfo } from '../../api/types';
import { useEngine } from '../engine';
import { slot } from '../slots';

interface Props {
  info: RadioMapInfo | undefined;
  opacity: number;
}

/** One feature of the radio map, as the service painted it, draped over its four corners. */
export function RadioMapLayer({ info, opacity }: Props) {
  const { Source, Layer } = useEngine();
  if (!info) return null;
  return (
    <Source id="radio-map" type="image" url={info.image} coordinates={info.corners}>
      <Layer
        id="radio-map"
        type="raster"
        beforeId={slot('raster')}
        paint={{
          'raster-opacity': opacity,
          'raster-fade-duration': 0,
          'raster-resampling': 'nearest',
        }}
      />
    </Source>
  );
}
