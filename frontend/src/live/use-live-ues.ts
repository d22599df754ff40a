import { useEffect, useState } from 'react';
import type { LiveUe } from './live-state';
import { useLive } from './live-store';

/** Panels are drawn anew for new fixes at most this often [ms]: nobody reads faster. */
const EVERY_MS = 500;

/** The live UEs at the pace of panels; the map takes them from the store as they come. */
export function useLiveUes(): Readonly<Record<string, LiveUe>> {
  const [ues, setUes] = useState(() => useLive.getState().ues);
  useEffect(() => {
    let timer: number | null = null;
    let shown_ms = -Infinity;
    const show = () => {
      timer = null;
      shown_ms = performance.now();
      setUes(useLive.getState().ues);
    };
    const tell = () => {
      timer ??= window.setTimeout(show, Math.max(0, shown_ms + EVERY_MS - performance.now()));
    };
    const stop = useLive.subscribe((state, before) => {
      if (state.ues !== before.ues) tell();
    });
    tell();
    return () => {
      stop();
      if (timer !== null) window.clearTimeout(timer);
    };
  }, []);
  return ues;
}
