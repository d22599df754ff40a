/** Requests to the RayFix service, its problem documents, and its clock. */

import { keyHeaders, refuseApiKey } from './api-key';

export class ServiceError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = 'ServiceError';
  }
}

/** No answer at all: the service is away, or the network is. */
export class UnreachableError extends Error {
  constructor() {
    super('the service cannot be reached; check that it runs, then try again');
    this.name = 'UnreachableError';
  }
}

let clockOffset_ms = 0;

/** The service's clock [ms since 1970]: ages are told by it, not by the viewer's clock. */
export function serviceNow_ms(): number {
  return Date.now() + clockOffset_ms;
}

/** An HTTP `Date` has whole seconds, so a smaller difference says nothing. */
function noteServiceDate(header: string | null): void {
  const date_ms = header === null ? NaN : Date.parse(header);
  if (Number.isNaN(date_ms)) return;
  const offset_ms = date_ms + 500 - Date.now();
  clockOffset_ms = Math.abs(offset_ms) > 1500 ? offset_ms : 0;
}

async function problemOf(response: Response): Promise<ServiceError> {
  const fallback = `${response.status} ${response.statusText}`.trim();
  try {
    const problem = (await response.json()) as { code?: string; title?: string; detail?: string };
    return new ServiceError(
      response.status,
      problem.code ?? 'http_error',
      problem.detail ?? problem.title ?? fallback,
    );
  } catch {
    return new ServiceError(response.status, 'http_error', fallback);
  }
}

async function answerTo(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(path, init);
  } catch (error) {
    // What a browser says about it differs and tells nobody what to do.
    throw error instanceof TypeError ? new UnreachableError() : error;
  }
}

async function request<T>(path: string, init: RequestInit): Promise<T> {
  const response = await answerTo(path, {
    ...init,
    headers: { Accept: 'application/json', ...keyHeaders(), ...init.headers },
  });
  noteServiceDate(response.headers.get('Date'));
  if (response.status === 401) refuseApiKey();
  if (!response.ok) throw await problemOf(response);
  return (await response.json()) as T;
}

/** GET a JSON document. Throws ServiceError when the service refuses. */
export function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  return request<T>(path, { signal: signal ?? null });
}

/** POST a JSON document. Throws ServiceError when the service refuses. */
export function postJson<T>(path: string, body: unknown): Promise<T> {
  return request<T>(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
}

/** A path below /api/v1 with each segment escaped, and a query without its empty values. */
export function apiPath(
  segments: string[],
  query: Record<string, string | number | null | undefined> = {},
): string {
  const path = ['/api/v1', ...segments.map(encodeURIComponent)].join('/');
  const entries = Object.entries(query).filter(
    ([, value]) => value !== null && value !== undefined,
  );
  const search = new URLSearchParams(entries.map(([key, value]) => [key, String(value)]));
  return entries.length > 0 ? `${path}?${search}` : path;
}
