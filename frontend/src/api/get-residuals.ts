import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { apiPath, getJson } from './client';
import type { LonLat, Residual } from './types';

/** What a fix's reports would differ by from the map if the phone were at a place. */
export function useResidualsAt(fixId: string | null, place: LonLat | null) {
  return useQuery({
    queryKey: ['residuals', fixId, place],
    queryFn: ({ signal }) =>
      getJson<Residual[]>(
        apiPath(['fixes', fixId ?? '', 'residuals'], {
          lat: place?.[1].toFixed(7),
          lon: place?.[0].toFixed(7),
        }),
        signal,
      ),
    enabled: fixId !== null && place !== null,
    placeholderData: keepPreviousData,
    staleTime: Infinity,
    gcTime: 30_000,
    retry: false,
  });
}
