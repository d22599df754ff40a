import { useSyncExternalStore } from 'react';
import { serviceNow_ms } from '../api/client';

let now_ms = serviceNow_ms();
let timer = 0;
const listeners = new Set<() => void>();

function tick(): void {
  now_ms = serviceNow_ms();
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  if (listeners.size === 0) {
    now_ms = serviceNow_ms();
    timer = window.setInterval(tick, 1000);
  }
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) window.clearInterval(timer);
  };
}

/** The service's clock [ms], renewed every second: one timer for the whole page. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now_ms);
}
