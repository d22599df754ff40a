import { create } from 'zustand';
import type { ProbePoint } from '../api/get-probe';

interface Pointer {
  point: ProbePoint | null;
  /** No cursor shows the place: it was put there by touch or by keys. */
  unseen: boolean;
}

/** Where on the map the pointer is, or was last put; null when it is elsewhere. */
export const usePointer = create<Pointer>(() => ({ point: null, unseen: false }));

export function setPointer(point: ProbePoint | null, unseen = false): void {
  usePointer.setState({ point, unseen });
}
