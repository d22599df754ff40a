import { useQuery } from '@tanstack/react-query';
import { apiPath, getJson } from './client';
import type { Buildings } from './types';

export function useBuildings(scene: string) {
  return useQuery({
    queryKey: ['buildings', scene],
    queryFn: ({ signal }) =>
      getJson<Buildings>(apiPath(['scenes', scene, 'buildings.geojson']), signal),
    staleTime: Infinity,
  });
}
