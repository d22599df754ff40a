/** How much each point of a line matters to its shape (Douglas and Peucker's measure). */

function away(x: number, y: number, ax: number, ay: number, bx: number, by: number): number {
  const dx = bx - ax;
  const dy = by - ay;
  const length2 = dx * dx + dy * dy;
  const t = length2 === 0 ? 0 : Math.min(1, Math.max(0, ((x - ax) * dx + (y - ay) * dy) / length2));
  return Math.hypot(x - ax - t * dx, y - ay - t * dy);
}

/**
 * Writes into `out`, from `begin` to `end` (inclusive), the distance by which leaving a point out
 * would move the line: dropping all points below a tolerance keeps the line within it. Both ends
 * matter infinitely. `xy` holds two numbers a point.
 */
export function significance(xy: Float32Array, begin: number, end: number, out: Float32Array) {
  out[begin] = Infinity;
  out[end] = Infinity;
  const open: [number, number][] = [[begin, end]];
  for (let span = open.pop(); span !== undefined; span = open.pop()) {
    const [a, b] = span;
    if (b - a < 2) continue;
    const ax = xy[2 * a] ?? 0;
    const ay = xy[2 * a + 1] ?? 0;
    const bx = xy[2 * b] ?? 0;
    const by = xy[2 * b + 1] ?? 0;
    let furthest = a + 1;
    let most = -1;
    for (let i = a + 1; i < b; i++) {
      const distance = away(xy[2 * i] ?? 0, xy[2 * i + 1] ?? 0, ax, ay, bx, by);
      if (distance > most) {
        most = distance;
        furthest = i;
      }
    }
    // A point matters no more than those that its part of the line hangs on.
    out[furthest] = Math.min(most, out[a] ?? Infinity, out[b] ?? Infinity);
    open.push([a, furthest], [furthest, b]);
  }
}
