import { queryOptions, useQuery } from '@tanstack/react-query';
import { apiPath, getJson } from './client';
import type { Scene } from './types';

export const sceneQuery = (scene: string | null) =>
  queryOptions({
    queryKey: ['scene', scene],
    queryFn: ({ signal }) => getJson<Scene>(apiPath(['scenes', scene ?? '']), signal),
    enabled: scene !== null,
    staleTime: Infinity,
  });

export function useScene(scene: string | null) {
  return useQuery(sceneQuery(scene));
}
