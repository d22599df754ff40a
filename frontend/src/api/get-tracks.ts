import { useQueries } from '@tanstack/react-query';
import { storedTrack, type StoredTrack } from '../live/replay';
import { apiPath, getJson } from './client';
import type { Track } from './types';

/** Tracks of more UEs at once are not fetched: the newest ones stay live on the map. */
export const MOST_TRACKS = 100;

/** Stored fixes of several UEs within a time span [ms]. */
export function useTracks(
  ueIds: readonly string[],
  since_ms: number | null,
  until_ms: number,
): { tracks: StoredTrack[]; loading: boolean; error: Error | null } {
  return useQueries({
    queries: (since_ms === null ? [] : ueIds.slice(0, MOST_TRACKS)).map((ue) => ({
      queryKey: ['track-span', ue, since_ms, until_ms],
      queryFn: ({ signal }: { signal: AbortSignal }) =>
        getJson<Track>(
          apiPath(['ues', ue, 'track'], {
            since: new Date(since_ms ?? 0).toISOString(),
            until: new Date(until_ms).toISOString(),
          }),
          signal,
        ).then((track) => storedTrack(ue, track.features)),
      staleTime: Infinity,
      gcTime: 60_000,
    })),
    combine: (results) => ({
      tracks: results.flatMap((result) => result.data ?? []),
      loading: results.some((result) => result.isPending),
      error: results.find((result) => result.error)?.error ?? null,
    }),
  });
}
