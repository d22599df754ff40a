import 'mapbox-gl/dist/mapbox-gl.css';
import * as components from 'react-map-gl/mapbox';
import type { Engine, EngineComponents } from './engine';

// Both families of components take the same props wherever the console uses them; the engines'
// own types differ in details (style specification, event classes) that it leaves alone.
export const engine: Engine = { ...(components as unknown as EngineComponents), name: 'mapbox' };
