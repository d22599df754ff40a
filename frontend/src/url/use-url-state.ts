import { useSyncExternalStore } from 'react';
import { formatUrl, parseUrl, type UrlState } from './url-state';

let current = parseUrl(window.location.search);
const listeners = new Set<() => void>();

function notify(): void {
  for (const listener of listeners) listener();
}

window.addEventListener('popstate', () => {
  current = parseUrl(window.location.search);
  notify();
});

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function urlState(): UrlState {
  return current;
}

/**
 * Changes what the link says. A step that a person would undo with the back button is a `push`;
 * everything else replaces the current entry.
 */
export function setUrlState(change: Partial<UrlState>, how: 'push' | 'replace' = 'replace'): void {
  const next = { ...current, ...change };
  const search = formatUrl(next);
  current = next;
  if (search !== window.location.search) {
    const address = window.location.pathname + search;
    if (how === 'push') window.history.pushState(null, '', address);
    else window.history.replaceState(null, '', address);
  }
  notify();
}

/** The shared state of the view; components render again when the part they pick changes. */
export function useUrlState<T>(pick: (state: UrlState) => T): T {
  return useSyncExternalStore(subscribe, () => pick(current));
}
