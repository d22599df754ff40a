import { useQuery } from '@tanstack/react-query';
import { apiPath, getJson, serviceNow_ms } from './client';
import type { Track } from './types';

const HISTORY_MS = 5 * 60_000;

/** Where a UE was in the last five minutes before it was selected; the live feed adds the rest. */
export function useTrack(ueId: string | null) {
  return useQuery({
    queryKey: ['track', ueId],
    queryFn: ({ signal }) =>
      getJson<Track>(
        apiPath(['ues', ueId ?? '', 'track'], {
          since: new Date(serviceNow_ms() - HISTORY_MS).toISOString(),
        }),
        signal,
      ),
    enabled: ueId !== null,
    staleTime: HISTORY_MS,
  });
}
