import { useMutation } from '@tanstack/react-query';
import { apiPath, postJson } from './client';
import type { LocateReply, LocateRequest } from './types';

/** Locates reports again; without a ue_id the fix is kept by its id only. */
export function useLocate() {
  return useMutation({
    mutationFn: (request: LocateRequest) => postJson<LocateReply>(apiPath(['locate']), request),
  });
}
