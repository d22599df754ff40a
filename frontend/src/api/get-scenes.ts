import { useQuery } from '@tanstack/react-query';
import { apiPath, getJson } from './client';
import type { Scene } from './types';

export function useScenes() {
  return useQuery({
    queryKey: ['scenes'],
    queryFn: ({ signal }) =>
      getJson<{ scenes: Pick<Scene, 'name' | 'title'>[] }>(apiPath(['scenes']), signal),
    staleTime: Infinity,
  });
}
