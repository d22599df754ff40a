import { useQuery } from '@tanstack/react-query';
import { apiPath, getJson } from './client';
import type { Roads } from './types';

export function useRoads(scene: string) {
  return useQuery({
    queryKey: ['roads', scene],
    queryFn: ({ signal }) => getJson<Roads>(apiPath(['scenes', scene, 'roads.geojson']), signal),
    staleTime: Infinity,
  });
}
