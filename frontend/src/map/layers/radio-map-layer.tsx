import { withKey } from '../../api/api-key';
import type { RadioMapInfo } from '../../api/types';
import { useEngine } from '../engine';
import { slot } from '../slots';

interface Props {
  info: RadioMapInfo | undefined;
  opacity: number;
  range?: readonly [number, number] | null;
}

/** Address of the picture, painted for a range of values where one is chosen. */
export function pictureUrl(
  info: RadioMapInfo,
  range: readonly [number, number] | null = null,
): string {
  return withKey(range === null ? info.image : `${info.image}&range=${range.join(',')}`);
}

/** One feature of the radio map, as the service painted it, draped over its four corners. */
export function RadioMapLayer({ info, opacity, range = null }: Props) {
  const { Source, Layer } = useEngine();
  if (!info) return null;
  return (
    <Source id="radio-map" type="image" url={pictureUrl(info, range)} coordinates={info.corners}>
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
