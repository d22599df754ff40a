import { queryOptions, useQuery } from '@tanstack/react-query';
import { apiPath, getJson } from './client';
import type { Scenes } from './types';

export const scenesQuery = queryOptions({
  queryKey: ['scenes'],
  queryFn: ({ signal }) => getJson<Scenes>(apiPath(['scenes']), signal),
  staleTime: Infinity,
});

export function useScenes() {
  return useQuery(scenesQuery);
}
