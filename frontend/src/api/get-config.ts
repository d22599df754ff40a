import { useQuery } from '@tanstack/react-query';
import { apiPath, getJson } from './client';
import type { ServiceConfig } from './types';

export function useConfig() {
  return useQuery({
    queryKey: ['config'],
    queryFn: ({ signal }) => getJson<ServiceConfig>(apiPath(['config']), signal),
    staleTime: Infinity,
  });
}
