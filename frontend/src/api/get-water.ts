import { useQuery } from '@tanstack/react-query';
import { apiPath, getJson } from './client';
import type { Water } from './types';

export function useWater(scene: string) {
  return useQuery({
    queryKey: ['water', scene],
    queryFn: ({ signal }) => getJson<Water>(apiPath(['scenes', scene, 'water.geojson']), signal),
    staleTime: Infinity,
  });
}
