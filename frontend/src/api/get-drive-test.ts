import { useQuery } from '@tanstack/react-query';
import { apiPath, getJson } from './client';
import type { DriveTest } from './types';

/** The drive test that a map was made from, for a cell or the strongest of each place; empty for a traced map. */
export function useDriveTest(scene: string, cell: string) {
  return useQuery({
    queryKey: ['drive-test', scene, cell],
    queryFn: ({ signal }) =>
      getJson<DriveTest>(apiPath(['scenes', scene, 'drive-test.geojson'], { cell }), signal),
    staleTime: Infinity,
  });
}
