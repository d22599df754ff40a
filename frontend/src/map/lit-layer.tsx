import type { LayerProps } from 'react-map-gl/maplibre';
import { Layer } from 'react-map-gl/mapbox';

type MapboxLayerProps = Parameters<typeof Layer>[0];

/** Paint by which a layer keeps its colours under the lights of a 3D style. */
const EMISSIVE: Record<string, Record<string, number>> = {
  background: { 'background-emissive-strength': 1 },
  fill: { 'fill-emissive-strength': 1 },
  line: { 'line-emissive-strength': 1 },
  circle: { 'circle-emissive-strength': 1 },
  raster: { 'raster-emissive-strength': 1 },
  symbol: { 'icon-emissive-strength': 1, 'text-emissive-strength': 1 },
};

/** A layer of Mapbox whose colours mean what the legend says, by day and by night. */
export function LitLayer(props: LayerProps) {
  const paint = { ...EMISSIVE[props.type], ...('paint' in props ? props.paint : {}) };
  return <Layer {...({ ...props, paint } as MapboxLayerProps)} />;
}
