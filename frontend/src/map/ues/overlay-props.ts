import type { MapLibreOverlayProps } from '@deck.gl/maplibre';

/** The overlay has a canvas of its own above the map's; it can be read for a picture of the view. */
export const OVERLAY_PROPS: MapLibreOverlayProps = {
  interleaved: false,
  layers: [],
  // Nothing on it can be acted on by keys: they go to the map.
  onLoad: () => document.getElementById('deckgl-overlay')?.setAttribute('tabindex', '-1'),
  deviceProps: { webgl: { preserveDrawingBuffer: true, antialias: false } },
};
