import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { apiPath, getJson } from './client';
import type { AttentionDetail } from './types';

export function useAttention(fixId: string | null) {
  return useQuery({
    queryKey: ['attention', fixId],
    queryFn: ({ signal }) =>
      getJson<AttentionDetail>(apiPath(['fixes', fixId ?? '', 'attention']), signal),
    enabled: fixId !== null,
    placeholderData: keepPreviousData,
    staleTime: Infinity,
    gcTime: 30_000,
  });
}
