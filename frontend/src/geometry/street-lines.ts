/** Where the name of a street fits: its ways joined end to end, cut where they bend. */
import type { LonLat } from '../api/types';

/** A name is drawn straight; a street that turns more than this is two [deg]. */
const BEND_DEG = 15;

type Line = readonly LonLat[];

function key([lon, lat]: LonLat): string {
  return `${lon.toFixed(7)},${lat.toFixed(7)}`;
}

/** Takes a line that begins or ends at a place out of those that are left, running away from it. */
function takeFrom(left: Set<Line>, place: LonLat): LonLat[] | null {
  const at = key(place);
  for (const line of left) {
    const [first, last] = [line[0], line.at(-1)];
    if (!first || !last || (key(first) !== at && key(last) !== at)) continue;
    left.delete(line);
    return key(first) === at ? [...line] : [...line].reverse();
  }
  return null;
}

/** Joins lines that meet at their ends, each once. */
export function joined(lines: readonly Line[]): LonLat[][] {
  const left = new Set(lines.filter(({ length }) => length > 1));
  const found: LonLat[][] = [];
  for (const line of left) {
    left.delete(line);
    let whole = [...line];
    for (let turn = 0; turn < 2; turn++) {
      for (;;) {
        const end = whole.at(-1);
        const next = end && takeFrom(left, end);
        if (!next) break;
        whole.push(...next.slice(1));
      }
      whole = whole.reverse();
    }
    found.push(whole);
  }
  return found;
}

function direction_rad([lon, lat]: LonLat, to: LonLat): number {
  const shrink = Math.cos((lat * Math.PI) / 180);
  return Math.atan2(to[1] - lat, (to[0] - lon) * shrink);
}

/** Cuts a line into pieces that are straight within `BEND_DEG`. */
export function straightPieces(line: Line): LonLat[][] {
  const pieces: LonLat[][] = [];
  let piece: LonLat[] = [];
  let heading = 0;
  line.forEach((point) => {
    const last = piece.at(-1);
    if (last && key(last) === key(point)) return;
    const turns = last ? direction_rad(last, point) : 0;
    const bend = Math.abs(Math.atan2(Math.sin(turns - heading), Math.cos(turns - heading)));
    if (last && piece.length > 1 && bend > (BEND_DEG * Math.PI) / 180) {
      pieces.push(piece);
      piece = [last];
    }
    if (piece.length === 1 && last) heading = turns;
    piece.push(point);
  });
  if (piece.length > 1) pieces.push(piece);
  return pieces;
}
