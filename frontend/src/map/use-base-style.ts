/** What lies below the console's own layers: Mapbox's map where it is in use, else nothing. */
import { useMemo } from 'react';
import type { StyleSpecification } from 'react-map-gl/maplibre';
import { useConfig } from '../api/get-config';
import { useColourScheme } from '../ui/use-colour-scheme';
import { useEngine } from './engine';
import type { Scheme } from './map-colours';

const EMPTY_STYLE: StyleSpecification = { version: 8, sources: {}, layers: [] };
const STANDARD = /^mapbox:\/\/styles\/mapbox\/standard(-satellite)?$/;

/**
 * Standard comes as an import that can be configured: its buildings are not those of the radio map,
 * and its terrain counts from sea level, where the console's heights count from the scene's ground.
 */
function standardStyle(url: string, scheme: Scheme): StyleSpecification {
  const style = {
    version: 8,
    imports: [
      {
        id: 'basemap',
        url,
        config: { show3dObjects: false, lightPreset: scheme === 'dark' ? 'night' : 'day' },
      },
    ],
    terrain: null,
    sources: {},
    layers: [],
  };
  return style as unknown as StyleSpecification;
}

/** The style of Mapbox that is meant: the service's choice, or one of the viewer's scheme. */
export function mapboxStyle(
  chosen: string | null | undefined,
  scheme: Scheme,
): string | StyleSpecification {
  if (chosen === null || chosen === undefined) return `mapbox://styles/mapbox/${scheme}-v11`;
  return STANDARD.test(chosen) ? standardStyle(chosen, scheme) : chosen;
}

/** Props of a map: its base style, and Mapbox's token where Mapbox draws. */
export function useBaseStyle() {
  const { name } = useEngine();
  const { data: config } = useConfig();
  const scheme = useColourScheme();
  const token = config?.mapbox_token ?? null;
  const chosen = config?.mapbox_style;
  return useMemo(() => {
    if (name !== 'mapbox' || token === null) return { mapStyle: EMPTY_STYLE };
    return { mapStyle: mapboxStyle(chosen, scheme), mapboxAccessToken: token };
  }, [name, token, chosen, scheme]);
}
