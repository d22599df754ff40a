import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { apiPath, getJson } from './client';
import type { FixDetail } from './types';

export function useFix(fixId: string | null) {
  return useQuery({
    queryKey: ['fix', fixId],
    queryFn: ({ signal }) => getJson<FixDetail>(apiPath(['fixes', fixId ?? '']), signal),
    enabled: fixId !== null,
    placeholderData: keepPreviousData,
    staleTime: Infinity,
    gcTime: 60_000,
  });
}
