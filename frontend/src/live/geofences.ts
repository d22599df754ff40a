/**
 * Circles on the map and who goes in and out of them, in the words of CAMARA's geofencing API
 * (area-entered, area-left); and UEs that fall silent.
 */
import type { LonLat } from '../api/types';
import { distance_m } from '../geometry/local-metres';
import type { LiveUe } from './live-state';

export interface Geofence {
  name: string;
  lon: number;
  lat: number;
  radius_m: number;
}

export type EventType = 'area-entered' | 'area-left' | 'silent';

export interface LiveEvent {
  type: EventType;
  ue_id: string;
  /** Name of the geofence; empty for `silent`. */
  area: string;
  time_ms: number;
}

/** Without a fix for this long a UE counts as silent [ms]. */
export const SILENT_MS = 30_000;

/** What is known of every UE: in which circles it is, and whether it is silent. */
export type Presence = ReadonlyMap<string, boolean>;

/**
 * Whether a UE is inside. It has entered when its fix is, and has left only when the fix is outside
 * by more than its accuracy, so that one at the edge does not go in and out all the time.
 */
function isInside(fence: Geofence, ue: LiveUe, before: boolean): boolean {
  const place = ue.fix.geometry.coordinates as LonLat;
  const away_m = distance_m([fence.lon, fence.lat], place);
  return away_m <= fence.radius_m + (before ? ue.fix.properties.accuracy_m : 0);
}

/** The events since the presence before, and the presence after. A first look is no event. */
export function watch(
  before: Presence,
  fences: readonly Geofence[],
  ues: Readonly<Record<string, LiveUe>>,
  now_ms: number,
): { presence: Presence; events: LiveEvent[] } {
  const presence = new Map<string, boolean>();
  const events: LiveEvent[] = [];
  for (const [ue_id, ue] of Object.entries(ues)) {
    for (const fence of fences) {
      const key = [fence.name, fence.lon, fence.lat, fence.radius_m, ue_id].join('\n');
      const was = before.get(key);
      const is = isInside(fence, ue, was ?? false);
      presence.set(key, is);
      if (was !== undefined && was !== is) {
        const type = is ? 'area-entered' : 'area-left';
        events.push({ type, ue_id, area: fence.name, time_ms: ue.time_ms });
      }
    }
    const silent = now_ms - ue.time_ms > SILENT_MS;
    presence.set(ue_id, silent);
    if (silent && before.get(ue_id) === false) {
      events.push({ type: 'silent', ue_id, area: '', time_ms: ue.time_ms });
    }
  }
  return { presence, events };
}

/** `name,lat,lon,radius` of each circle with semicolons; what is malformed is left out. */
export function parseGeofences(text: string | null): Geofence[] {
  return (text ?? '').split(';').flatMap((part) => {
    const [name = '', lat, lon, radius] = part.split(',');
    const fence = { name, lat: Number(lat), lon: Number(lon), radius_m: Number(radius) };
    const valid =
      name !== '' &&
      [lat, lon, radius].every((number) => number !== undefined && number !== '') &&
      Math.abs(fence.lat) <= 85 &&
      Math.abs(fence.lon) <= 180 &&
      fence.radius_m > 0;
    return valid ? [fence] : [];
  });
}

export function formatGeofences(fences: readonly Geofence[]): string {
  return fences
    .map(({ name, lat, lon, radius_m }) =>
      [name.replace(/[,;]/g, ' '), lat.toFixed(6), lon.toFixed(6), radius_m].join(','),
    )
    .join(';');
}
