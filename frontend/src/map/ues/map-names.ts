/** Where the names of sites and geofences stand: beside their places, clear of the UEs' dots. */
import type { LonLat } from '../../api/types';
import { boxAround, overlap, type Box, type Project } from './ue-labels';

/** A name that belongs to a place of the map. */
export interface MapLabel {
  text: string;
  place: LonLat;
  from_zoom: number;
  /** Between the place and the text; null: the text stands on the place and never moves. */
  gap_px: number | null;
}

export interface PlacedName {
  text: string;
  place: LonLat;
  from_zoom: number;
  /** From the place to the middle of the text. */
  offset_px: [number, number];
}

/** What a name may not be under. */
export interface Dot {
  x: number;
  y: number;
  radius_px: number;
}

/** Names do not jump after every step of a UE. */
const EVERY_MS = 500;

function sides({ text, gap_px }: MapLabel): [number, number][] {
  if (gap_px === null) return [[0, 0]];
  const { left, bottom } = boxAround(text, { x: 0, y: 0 });
  const aside = gap_px - left;
  const up = gap_px + bottom;
  return [
    [0, -up],
    [aside, 0],
    [-aside, 0],
    [0, up],
  ];
}

function covers({ x, y, radius_px }: Dot, box: Box): boolean {
  const away_x = Math.max(box.left - x, 0, x - box.right);
  const away_y = Math.max(box.top - y, 0, y - box.bottom);
  return Math.hypot(away_x, away_y) < radius_px;
}

export class MapNames {
  private placed: readonly PlacedName[] = [];
  private labels: readonly MapLabel[] = [];
  private placed_ms = -Infinity;
  /** Side where each name stood, by its text. */
  private readonly side = new Map<string, number>();

  /** The names of the labels for a view; `dots` are asked for only when it is time to look. */
  at(
    now_ms: number,
    labels: readonly MapLabel[],
    view: { zoom: number; project: Project },
    dots: () => readonly Dot[],
  ): readonly PlacedName[] {
    if (labels !== this.labels || now_ms - this.placed_ms > EVERY_MS) {
      this.labels = labels;
      this.placed_ms = now_ms;
      this.placed = this.place(view, dots());
    }
    return this.placed.filter(({ from_zoom }) => view.zoom >= from_zoom);
  }

  private place(
    { zoom, project }: { zoom: number; project: Project },
    dots: readonly Dot[],
  ): PlacedName[] {
    const taken: Box[] = [];
    const placed: PlacedName[] = [];
    for (const label of this.labels.filter(({ from_zoom }) => zoom >= from_zoom)) {
      const { text, place, from_zoom } = label;
      const { x, y } = project(place);
      const before = this.side.get(text) ?? 0;
      const free = sides(label)
        .map((offset_px, side) => {
          const box = boxAround(text, { x: x + offset_px[0], y: y + offset_px[1] });
          return { side, offset_px, box, under: dots.filter((dot) => covers(dot, box)).length };
        })
        .filter(({ box }) => !taken.some((other) => overlap(other, box)));
      // Where it stood is as good as any other place that is as free.
      const [best] = free.sort(
        (a, b) => a.under - b.under || Number(b.side === before) - Number(a.side === before),
      );
      if (!best) continue;
      this.side.set(text, best.side);
      taken.push(best.box);
      placed.push({ text, place, from_zoom, offset_px: best.offset_px });
    }
    return placed;
  }
}
