import { useQuery } from '@tanstack/react-query';
import { apiPath, getJson } from './client';
import type { Cells } from './types';

export function useCells(scene: string) {
  return useQuery({
    queryKey: ['cells', scene],
    queryFn: ({ signal }) => getJson<Cells>(apiPath(['scenes', scene, 'cells.geojson']), signal),
    staleTime: Infinity,
  });
}
