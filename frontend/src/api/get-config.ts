import { queryOptions, useQuery } from '@tanstack/react-query';
import { apiPath, getJson } from './client';
import type { ServiceConfig } from './types';

export const configQuery = queryOptions({
  queryKey: ['config'],
  queryFn: ({ signal }) => getJson<ServiceConfig>(apiPath(['config']), signal),
  staleTime: Infinity,
});

export function useConfig() {
  return useQuery(configQuery);
}
