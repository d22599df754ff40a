/** What the search field says: words of an id, or `cell:` and the cell that serves a UE. */
import type { LiveUe } from './live-state';

const CELL = 'cell:';

/** Whether a UE has every word of the query in its id or, after `cell:`, in its serving cell's. */
export function matchesQuery(id: string, servingCell: string | null, query: string): boolean {
  return query
    .toLowerCase()
    .split(/\s+/)
    .filter(Boolean)
    .every((word) =>
      word.startsWith(CELL)
        ? (servingCell ?? '').toLowerCase().includes(word.slice(CELL.length))
        : id.toLowerCase().includes(word),
    );
}

export function ueMatches(id: string, ue: LiveUe | undefined, query: string): boolean {
  return matchesQuery(id, ue?.fix.properties.serving_cell ?? null, query);
}
