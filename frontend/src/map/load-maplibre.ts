import 'maplibre-gl/dist/maplibre-gl.css';
import { setWorkerUrl } from 'maplibre-gl';
// MapLibre 6 finds its worker beside its own module, which bundling moves away.
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url';
import * as components from 'react-map-gl/maplibre';
import type { Engine } from './engine';

setWorkerUrl(workerUrl);

export const engine: Engine = { ...components, name: 'maplibre' };
