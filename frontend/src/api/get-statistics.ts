import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { apiPath, getJson } from './client';
import type { AreaStatistics } from './types';

/** Coverage and spread of a radio-map layer within west, south, east, north [deg]. */
export function useStatistics(
  scene: string,
  feature: string | null,
  cell: string,
  bounds: readonly [number, number, number, number] | null,
) {
  const bbox = bounds?.map((degrees) => degrees.toFixed(5)).join(',') ?? null;
  return useQuery({
    queryKey: ['statistics', scene, feature, cell, bbox],
    queryFn: ({ signal }) =>
      getJson<AreaStatistics>(
        apiPath(['scenes', scene, 'radio-maps', feature ?? '', 'statistics'], { cell, bbox }),
        signal,
      ),
    enabled: feature !== null && bbox !== null,
    placeholderData: keepPreviousData,
    staleTime: Infinity,
    gcTime: 60_000,
  });
}
