import 'mapbox-gl/dist/mapbox-gl.css';
import { MapboxOverlay } from '@deck.gl/mapbox';
import * as components from 'react-map-gl/mapbox';
import { OVERLAY_PROPS } from './ues/overlay-props';
import { LitLayer } from './lit-layer';
import type { Engine, EngineComponents, UeOverlay } from './engine';
import { UePainter } from './ues/ue-painter';

// Both families of components take the same props wherever the console uses them; the engines'
// own types differ in details (style specification, event classes) that it leaves alone.
export const engine: Engine = {
  ...(components as unknown as EngineComponents),
  Layer: LitLayer,
  name: 'mapbox',
  createOverlay: () => new MapboxOverlay(OVERLAY_PROPS) as unknown as UeOverlay,
  UePainter,
};
