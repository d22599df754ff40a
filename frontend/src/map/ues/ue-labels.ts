/** Which labels find room on the screen. */
import type { LonLat } from '../../api/types';

export type Project = (place: LonLat) => { x: number; y: number };

export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

const CHARACTER_PX = 8;
const HEIGHT_PX = 18;
/** From the marker's middle to its label's left edge. */
const BESIDE_PX = 11;
const METRES_PER_TURN = 40_075_016.7;
const TILE_PX = 512;
/** Short enough to be straight on the screen, long enough to be told from rounding [deg]. */
const STEP_DEG = 1e-4;

/** The room of a text of the map around its middle. */
export function boxAround(text: string, { x, y }: { x: number; y: number }): Box {
  const half = (text.length * CHARACTER_PX) / 2 + 4;
  return { left: x - half, right: x + half, top: y - 10, bottom: y + 10 };
}

export function overlap(a: Box, b: Box): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

/** How much larger something at a place is drawn than at the middle of the view. */
export function nearness(place: LonLat, project: Project, zoom: number): number {
  const narrow = Math.cos((place[1] * Math.PI) / 180);
  const { x } = project(place);
  const east = project([place[0] + STEP_DEG / narrow, place[1]]);
  const north = project([place[0], place[1] + STEP_DEG]);
  const step_m = (STEP_DEG / 360) * METRES_PER_TURN;
  const flat_px = (step_m * TILE_PX * 2 ** zoom) / (METRES_PER_TURN * narrow);
  return Math.hypot(east.x - x, north.x - x) / flat_px;
}

/** Rectangles of the screen that are taken, each once. */
export class LabelRoom {
  private readonly taken: Box[] = [];

  constructor(
    private readonly project: Project,
    private readonly zoom: number,
  ) {}

  /** Takes the room of a name of the map, whose middle is so far from a place. */
  reserve(text: string, place: LonLat, [right_px, down_px]: readonly [number, number]): void {
    const { x, y } = this.project(place);
    this.taken.push(boxAround(text, { x: x + right_px, y: y + down_px }));
  }

  /** Takes the room of a circle. */
  block(place: LonLat, radius_px: number): void {
    const { x, y } = this.project(place);
    this.taken.push({
      left: x - radius_px,
      right: x + radius_px,
      top: y - radius_px,
      bottom: y + radius_px,
    });
  }

  /** Takes the room of a UE's label if nothing is there; whether it was free. */
  take(text: string, place: LonLat): boolean {
    const { x, y } = this.project(place);
    const scale = nearness(place, this.project, this.zoom);
    const box = {
      left: x + BESIDE_PX * scale,
      right: x + (BESIDE_PX + text.length * CHARACTER_PX + 6) * scale,
      top: y - (HEIGHT_PX / 2) * scale,
      bottom: y + (HEIGHT_PX / 2) * scale,
    };
    const free = !this.taken.some((other) => overlap(other, box));
    if (free) this.taken.push(box);
    return free;
  }
}
