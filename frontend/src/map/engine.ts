/** One set of map components, whichever engine draws them. */
import { createContext, use } from 'react';
import type * as MaplibreComponents from 'react-map-gl/maplibre';

export type EngineName = 'maplibre' | 'mapbox';

export type EngineComponents = Pick<
  typeof MaplibreComponents,
  | 'Map'
  | 'Source'
  | 'Layer'
  | 'NavigationControl'
  | 'ScaleControl'
  | 'AttributionControl'
  | 'useMap'
>;

export interface Engine extends EngineComponents {
  name: EngineName;
}

/** Each engine is a chunk of its own: only the one in use is fetched. */
export const ENGINE_LOADERS: Record<EngineName, () => Promise<Engine>> = {
  maplibre: async () => (await import('./load-maplibre')).engine,
  mapbox: async () => (await import('./load-mapbox')).engine,
};

export const EngineContext = createContext<Engine | null>(null);

/** The engine's components, for layers inside a map. */
export function useEngine(): Engine {
  const engine = use(EngineContext);
  if (engine === null) throw new Error('useEngine: no <EngineContext> above');
  return engine;
}
