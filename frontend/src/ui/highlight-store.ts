import { create } from 'zustand';

/** The cell that is pointed at in a table or chart: every view of it shows it together. */
export const useHighlight = create<{ cell: string | null }>(() => ({ cell: null }));

/** Handlers of an element that stands for a cell. */
export function highlights(cell: string) {
  const on = () => useHighlight.setState({ cell });
  const off = () => useHighlight.setState({ cell: null });
  return { onMouseEnter: on, onMouseLeave: off, onFocus: on, onBlur: off };
}
