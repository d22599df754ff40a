/** One set of map components, whichever engine draws them. */
import { createContext, use } from 'react';
import type { IControl } from 'maplibre-gl';
import type * as MaplibreComponents from 'react-map-gl/maplibre';
import type { Overlay, UePainter } from './ues/ue-painter';

export type EngineName = 'maplibre' | 'mapbox';

export type EngineComponents = Pick<
  typeof MaplibreComponents,
  | 'Map'
  | 'Source'
  | 'Layer'
  | 'Marker'
  | 'NavigationControl'
  | 'ScaleControl'
  | 'AttributionControl'
  | 'useMap'
>;

/** What deck.gl's overlay is to the console: a control of the map that takes layers. */
export interface UeOverlay extends Overlay, IControl {}

export interface Engine extends EngineComponents {
  name: EngineName;
  createOverlay: () => UeOverlay;
  /** Loaded with the engine: the page shows its panels before either. */
  UePainter: typeof UePainter;
}

/** Each engine is a chunk of its own: only the one in use is fetched. */
export const ENGINE_LOADERS: Record<EngineName, () => Promise<Engine>> = {
  maplibre: async () => (await import('./load-maplibre')).engine,
  mapbox: async () => (await import('./load-mapbox')).engine,
};

/** Mapbox where the service has a token for it. */
export function engineFor(token: string | null | undefined): EngineName {
  return token === null || token === undefined ? 'maplibre' : 'mapbox';
}

export const EngineContext = createContext<Engine | null>(null);

/** The engine's components, for layers inside a map. */
export function useEngine(): Engine {
  const engine = use(EngineContext);
  if (engine === null) throw new Error('useEngine: no <EngineContext> above');
  return engine;
}
