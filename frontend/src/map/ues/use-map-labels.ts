import { useMemo } from 'react';
import { useCells } from '../../api/get-cells';
import type { LonLat } from '../../api/types';
import { useUrlState } from '../../url/use-url-state';
import { nameOf } from '../layers/geofences-layer';
import { BEARINGS_FROM, SITE_NAMES_FROM, siteLabels } from '../layers/sites-layer';
import type { MapLabel } from './map-names';

/** Names of geofences, sites and their bearings, where the map draws them. */
export function useMapLabels(scene: string): readonly MapLabel[] {
  const fences = useUrlState((state) => state.geofences);
  const hidden = useUrlState((state) => state.hidden);
  const { data: cells } = useCells(scene);
  return useMemo(() => {
    const named = hidden.includes('geofences')
      ? []
      : fences.map((fence) => ({
          text: fence.name,
          place: nameOf(fence),
          gap_px: 0,
          from_zoom: 0,
        }));
    if (!cells || hidden.includes('sites') || hidden.includes('labels')) return named;
    const sites = siteLabels(cells).features.map(({ properties, geometry }) => ({
      text: String(properties?.['text']),
      place: geometry.coordinates as LonLat,
      // A bearing stands on its place, a name beside it.
      ...(properties?.['kind'] === 'site'
        ? { gap_px: 4, from_zoom: SITE_NAMES_FROM }
        : { gap_px: null, from_zoom: BEARINGS_FROM }),
    }));
    return [...named, ...sites];
  }, [fences, hidden, cells]);
}
