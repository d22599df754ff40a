import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { ServiceError, apiPath, getJson } from './client';
import type { Probe } from './types';

export interface ProbePoint {
  lat: number;
  lon: number;
}

/** Seven decimals are 1 cm: enough for any map, and short enough to share answers. */
export function probePath(scene: string, point: ProbePoint): string {
  return apiPath(['scenes', scene, 'probe'], {
    lat: point.lat.toFixed(7),
    lon: point.lon.toFixed(7),
  });
}

async function getProbe(path: string, signal: AbortSignal): Promise<Probe | null> {
  try {
    return await getJson<Probe>(path, signal);
  } catch (error) {
    if (error instanceof ServiceError && error.code === 'outside_map') return null;
    throw error;
  }
}

/** Every cell's values at a point; null outside the map. */
export function useProbe(scene: string, point: ProbePoint | null) {
  const path = point === null ? null : probePath(scene, point);
  return useQuery({
    queryKey: ['probe', path],
    queryFn: ({ signal }) => getProbe(path ?? '', signal),
    enabled: path !== null,
    placeholderData: path === null ? undefined : keepPreviousData,
    staleTime: Infinity,
    gcTime: 30_000,
    retry: false,
  });
}
