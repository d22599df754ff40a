import { useEffect } from 'react';
import { create } from 'zustand';

export interface Shortcut {
  /** As `KeyboardEvent.key`. */
  key: string;
  /** How the key is called on the help sheet. */
  shown: string;
  does: string;
  run: () => void;
}

const STORED = 'rayfix-single-keys';

/** Whether single keys do something; people who speak to their computer switch them off. */
export const useSingleKeys = create<{ on: boolean }>(() => ({
  on: localStorage.getItem(STORED) !== 'off',
}));

export function setSingleKeys(on: boolean): void {
  localStorage.setItem(STORED, on ? 'on' : 'off');
  useSingleKeys.setState({ on });
}

function typing(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}

/** Keys that act on what has the focus: there they are no shortcuts. */
function acting(key: string, target: EventTarget | null): boolean {
  const actors = 'button, a[href], summary, [role="button"], [role="tab"], [role="slider"]';
  return key === ' ' && target instanceof HTMLElement && target.closest(actors) !== null;
}

/** Runs shortcuts while nobody is typing and no dialog is open. */
export function useShortcuts(shortcuts: readonly Shortcut[]): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
      if (event.key.length === 1 && !useSingleKeys.getState().on) return;
      if (acting(event.key, event.target)) return;
      if (document.querySelector('dialog[open]')) return;
      const found = shortcuts.find(({ key }) => key === event.key);
      if (!found) return;
      event.preventDefault();
      found.run();
    };
    window.addEventListener('keydown', press);
    return () => window.removeEventListener('keydown', press);
  }, [shortcuts]);
}
