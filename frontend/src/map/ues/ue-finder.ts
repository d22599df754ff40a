/** The UE under a point of the screen, as the overlay draws it now. */
type Finder = (point: { x: number; y: number }) => string | null;

let finder: Finder | null = null;

export function setUeFinder(next: Finder | null): void {
  finder = next;
}

export function ueUnder(point: { x: number; y: number }): string | null {
  return finder?.(point) ?? null;
}
