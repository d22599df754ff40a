import { useQuery } from '@tanstack/react-query';
import { apiPath, getJson } from './client';
import type { ModelMetrics } from './types';

export function useMetrics(model: string | null) {
  return useQuery({
    queryKey: ['metrics', model],
    queryFn: ({ signal }) =>
      getJson<ModelMetrics>(apiPath(['models', model ?? '', 'metrics']), signal),
    enabled: model !== null,
    staleTime: Infinity,
  });
}
