import { create } from 'zustand';
import type { ProbePoint } from '../api/get-probe';

/** Where on the map the pointer is, or was last put by touch; null when it is elsewhere. */
export const usePointer = create<{ point: ProbePoint | null }>(() => ({ point: null }));

export function setPointer(point: ProbePoint | null): void {
  usePointer.setState({ point });
}
