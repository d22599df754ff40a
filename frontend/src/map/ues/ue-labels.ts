/** Which labels find room on the screen. */
import type { LonLat } from '../../api/types';

type Project = (place: LonLat) => { x: number; y: number };

interface Box {
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

/** How much larger something at a place is drawn than at the middle of the view. */
function nearness(place: LonLat, project: Project, zoom: number): number {
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

  /** Takes the room of a label that the map draws centred above a place. */
  reserve(text: string, place: LonLat, raise_px = 0): void {
    const { x, y } = this.project(place);
    const half = (text.length * CHARACTER_PX) / 2 + 4;
    const bottom = y - raise_px;
    this.taken.push({ left: x - half, right: x + half, top: bottom - 20, bottom });
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
    const free = this.taken.every(
      (other) =>
        box.right <= other.left ||
        other.right <= box.left ||
        box.bottom <= other.top ||
        other.bottom <= box.top,
    );
    if (free) this.taken.push(box);
    return free;
  }
}
