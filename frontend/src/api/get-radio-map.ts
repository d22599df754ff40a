import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { apiPath, getJson } from './client';
import type { RadioMapInfo } from './types';

/** Legend, corners and image address of one feature of one cell, or of the best server. */
export function useRadioMap(scene: string, feature: string | null, cell: string) {
  return useQuery({
    queryKey: ['radio-map', scene, feature, cell],
    queryFn: ({ signal }) =>
      getJson<RadioMapInfo>(
        apiPath(['scenes', scene, 'radio-maps', `${feature}.json`], { cell }),
        signal,
      ),
    enabled: feature !== null,
    placeholderData: keepPreviousData,
    staleTime: Infinity,
  });
}
