import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { apiPath, getJson } from './client';
import type { PosteriorDetail } from './types';

/** How probable each pixel of the map is, over the rectangle that counts. */
export function usePosterior(fixId: string | null) {
  return useQuery({
    queryKey: ['posterior', fixId],
    queryFn: ({ signal }) =>
      getJson<PosteriorDetail>(
        apiPath(['fixes', fixId ?? '', 'posterior'], { detail: 'pixels' }),
        signal,
      ),
    enabled: fixId !== null,
    placeholderData: keepPreviousData,
    staleTime: Infinity,
    gcTime: 30_000,
  });
}
