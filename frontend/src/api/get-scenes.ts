import { useQuery } from '@tanstack/react-query';
import { apiPath, getJson } from './client';
import type { Scenes } from './types';

export function useScenes() {
  return useQuery({
    queryKey: ['scenes'],
    queryFn: ({ signal }) => getJson<Scenes>(apiPath(['scenes']), signal),
    staleTime: Infinity,
  });
}
