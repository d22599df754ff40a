import { QueryClient } from '@tanstack/react-query';
import { ServiceError } from './client';

/** A refusal (4xx) is an answer: only failures of the service or the network are tried again. */
function retry(failures: number, error: Error): boolean {
  return failures < 4 && !(error instanceof ServiceError && error.status < 500);
}

export const queryClient = new QueryClient({
  defaultOptions: { queries: { retry, refetchOnWindowFocus: false } },
});
