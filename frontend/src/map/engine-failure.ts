/** What a map engine's error says about the engine itself. */
export interface EngineError {
  message: string;
  status?: number;
  url?: string;
}

/** Refused, or without a token; an address in a message may hold `access_token`, which says nothing. */
function isRefusal(error: EngineError): boolean {
  return error.status === 401 || error.status === 403 || /access token/i.test(error.message);
}

/**
 * Whether Mapbox cannot go on: refused (it blanks its canvas, even after it has drawn), or unable
 * to start. One of our own images failing, or a base-map tile later on, is not that.
 */
export function isEngineFailure(error: EngineError, loaded: boolean, ownOrigin: string): boolean {
  if (error.url?.startsWith(ownOrigin)) return false;
  // A layer or source that does not validate is left out, and the rest is drawn.
  if (/^(layers|sources)\b/.test(error.message)) return false;
  return isRefusal(error) || !loaded;
}

/** The failure in words that a person can act on. */
export function engineFailureReason(error: EngineError): string {
  return isRefusal(error) ? 'Mapbox refused the access token' : 'Mapbox cannot be reached';
}
