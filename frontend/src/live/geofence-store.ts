import { useEffect } from 'react';
import { create } from 'zustand';
import { serviceNow_ms } from '../api/client';
import { useUrlState } from '../url/use-url-state';
import { watch, type Geofence, type LiveEvent, type Presence } from './geofences';
import { useLive } from './live-store';

const STORED = 'rayfix-events';
const KEPT = 300;
const EVERY_MS = 500;

function stored(): LiveEvent[] {
  try {
    return JSON.parse(window.sessionStorage.getItem(STORED) ?? '[]') as LiveEvent[];
  } catch {
    return [];
  }
}

/** The log of this tab, newest first; a reload keeps it. */
export const useEvents = create<{ events: readonly LiveEvent[] }>(() => ({ events: stored() }));

export function clearEvents(): void {
  window.sessionStorage.removeItem(STORED);
  useEvents.setState({ events: [] });
}

function append(found: readonly LiveEvent[]): void {
  const events = [...[...found].reverse(), ...useEvents.getState().events].slice(0, KEPT);
  useEvents.setState({ events });
  window.sessionStorage.setItem(STORED, JSON.stringify(events));
}

/** Watches the live UEs until the page is left. */
export function useGeofenceWatch(): void {
  const fences: readonly Geofence[] = useUrlState((state) => state.geofences);
  useEffect(() => {
    let presence: Presence = new Map();
    const timer = window.setInterval(() => {
      const found = watch(presence, fences, useLive.getState().ues, serviceNow_ms());
      presence = found.presence;
      if (found.events.length > 0) append(found.events);
    }, EVERY_MS);
    return () => window.clearInterval(timer);
  }, [fences]);
}
