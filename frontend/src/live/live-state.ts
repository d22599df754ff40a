/** What the live socket says, folded into the latest fix and the trail of every UE. */
import type { LiveFix } from '../api/types';

/** A place in the live log; the service gives it out and takes it back unread. */
export interface LogPosition {
  epoch: string;
  offset: number | string;
}

export type LiveFrame =
  | ({ type: 'hello'; recovered: boolean; stale: boolean } & LogPosition)
  | ({ type: 'snapshot'; features: LiveFix[] } & LogPosition)
  | ({ type: 'fixes'; features: LiveFix[] } & LogPosition)
  | { type: 'ping'; time: string; stale: boolean };

export interface TrailPoint {
  lon: number;
  lat: number;
  time_ms: number;
}

export interface LiveUe {
  fix: LiveFix;
  time_ms: number;
  /** Oldest first; the last point is the latest fix. */
  trail: readonly TrailPoint[];
}

export interface LiveState {
  position: LogPosition | null;
  ues: Readonly<Record<string, LiveUe>>;
  /** The service could not hand over everything since the last connection. */
  missedSome: boolean;
  /** The service cannot reach its live log: nothing newer can come until it does. */
  stale: boolean;
}

export const EMPTY_LIVE_STATE: LiveState = {
  position: null,
  ues: {},
  missedSome: false,
  stale: false,
};

export const TRAIL_MS = 30_000;

function withFix(previous: LiveUe | undefined, fix: LiveFix): LiveUe | undefined {
  const time_ms = Date.parse(fix.properties.time);
  const [lon, lat] = fix.geometry.coordinates;
  if (Number.isNaN(time_ms) || lon === undefined || lat === undefined) return previous;
  // A resumed connection may repeat fixes, and a late fix must not move a UE back.
  if (previous && time_ms <= previous.time_ms) return previous;
  const trail = (previous?.trail ?? []).filter((point) => point.time_ms >= time_ms - TRAIL_MS);
  return { fix, time_ms, trail: [...trail, { lon, lat, time_ms }] };
}

function withFixes(state: LiveState, features: LiveFix[], position: LogPosition): LiveState {
  const ues: Record<string, LiveUe> = { ...state.ues };
  for (const fix of features) {
    const ue = withFix(ues[fix.properties.ue_id], fix);
    if (ue) ues[fix.properties.ue_id] = ue;
  }
  return { ...state, ues, position };
}

/** The state after one frame of the live socket. */
export function reduceFrame(state: LiveState, frame: LiveFrame): LiveState {
  switch (frame.type) {
    case 'hello': {
      if (frame.recovered) return { ...state, missedSome: false, stale: frame.stale };
      // Another epoch is another log: its UEs and offsets have nothing to do with ours.
      const sameLog = state.position?.epoch === frame.epoch;
      return {
        position: null,
        ues: sameLog ? state.ues : {},
        missedSome: state.position !== null,
        stale: frame.stale,
      };
    }
    case 'snapshot':
    case 'fixes':
      return withFixes(state, frame.features, { epoch: frame.epoch, offset: frame.offset });
    case 'ping':
      return state.stale === frame.stale ? state : { ...state, stale: frame.stale };
  }
}

/** Neighbouring frames of fixes as one: each costs as much as there are UEs. */
export function joined(frames: readonly LiveFrame[]): LiveFrame[] {
  const out: LiveFrame[] = [];
  for (const frame of frames) {
    const last = out.at(-1);
    if (frame.type === 'fixes' && last?.type === 'fixes' && last.epoch === frame.epoch)
      out[out.length - 1] = { ...frame, features: last.features.concat(frame.features) };
    else out.push(frame);
  }
  return out;
}

/** Address of the live socket that continues after a position of the log. */
export function liveUrl(pageUrl: string, position: LogPosition | null): string {
  const url = new URL('/api/v1/live', pageUrl);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  if (position) {
    url.searchParams.set('epoch', position.epoch);
    url.searchParams.set('offset', String(position.offset));
  }
  return url.href;
}
