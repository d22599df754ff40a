import 'maplibre-gl/dist/maplibre-gl.css';
import { MapLibreOverlay } from '@deck.gl/maplibre';
import { setWorkerUrl } from 'maplibre-gl';
// MapLibre 6 finds its worker beside its own module, which bundling moves away.
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url';
import * as components from 'react-map-gl/maplibre';
import { OVERLAY_PROPS } from './ues/overlay-props';
import type { Engine } from './engine';
import { UePainter } from './ues/ue-painter';

setWorkerUrl(workerUrl);

export const engine: Engine = {
  ...components,
  name: 'maplibre',
  createOverlay: () => new MapLibreOverlay(OVERLAY_PROPS),
  UePainter,
};
