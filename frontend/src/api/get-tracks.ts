import { useQuery, useQueryClient, type QueryClient } from '@tanstack/react-query';
import { storedTrack, type StoredTrack } from '../live/replay';
import { apiPath, getJson } from './client';
import type { Track } from './types';

/** Tracks of more UEs at once are not fetched. */
export const MOST_TRACKS = 1000;
/** A browser asks one service this many things at once. */
const AT_ONCE = 6;
/** What has come so far is shown in steps of this many tracks. */
const STEP = 50;
const NONE: readonly StoredTrack[] = [];

interface Span {
  ids: readonly string[];
  since_ms: number;
  until_ms: number;
}

async function fetchTrack(ue: string, span: Span, signal: AbortSignal): Promise<StoredTrack> {
  const since = new Date(span.since_ms).toISOString();
  const until = new Date(span.until_ms).toISOString();
  const track = await getJson<Track>(apiPath(['ues', ue, 'track'], { since, until }), signal);
  return storedTrack(ue, track.features);
}

/** One after the other, a few at once; the cache is given what there is on the way. */
async function fetchTracks(
  span: Span,
  client: QueryClient,
  key: readonly unknown[],
  signal: AbortSignal,
): Promise<readonly StoredTrack[]> {
  const wanted = span.ids.slice(0, MOST_TRACKS);
  const tracks: StoredTrack[] = [];
  let next = 0;
  const work = async () => {
    for (let ue = wanted[next++]; ue !== undefined; ue = wanted[next++]) {
      tracks.push(await fetchTrack(ue, span, signal));
      if (tracks.length % STEP === 0) client.setQueryData(key, [...tracks]);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return tracks;
}

/** Stored fixes of several UEs within a time span; null asks for nothing. */
export function useTracks(span: Span | null): {
  tracks: readonly StoredTrack[];
  loading: boolean;
  error: Error | null;
} {
  const client = useQueryClient();
  const queryKey = ['tracks', span?.since_ms, span?.until_ms, span?.ids];
  const { data, isFetching, error } = useQuery({
    queryKey,
    queryFn: ({ signal }) => (span ? fetchTracks(span, client, queryKey, signal) : NONE),
    enabled: span !== null,
    staleTime: Infinity,
    gcTime: 60_000,
    // Thousands of fixes are not compared one by one with those that came before.
    structuralSharing: false,
  });
  return { tracks: data ?? NONE, loading: isFetching, error };
}
