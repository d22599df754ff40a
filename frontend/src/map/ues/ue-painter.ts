/** Keeps the deck.gl overlay in step with the live store: new frames only while something moves. */
import type { Layer } from '@deck.gl/core';
import type { LonLat } from '../../api/types';
import { age } from '../../format/format';
import { cluster, type Cluster } from '../../geometry/clusters';
import type { Height } from '../../geometry/height';
import { TRAIL_MS, type LiveUe } from '../../live/live-state';
import { MotionTable, type MotionRow } from '../../live/motion';
import { shownNow_ms } from '../../live/shown-ues';
import type { MapColours } from '../map-colours';
import { attribute, fourfold, hexRgb, type Attribute } from './attribute';
import { FramePacer } from './frame-pacer';
import { headsOf, hitUe, styleOf, type UeStyle } from './ue-frame';
import { MapNames, type Dot, type MapLabel, type PlacedName } from './map-names';
import { LabelRoom } from './ue-labels';
import { circleRadius_px, sizedNames, ueLayers, type UeLabel } from './ue-layers';
import { trailsOf, type Trails } from './ue-trails';
import { truthsOf, type Truths } from './ue-truth';

export interface Overlay {
  setProps(props: { layers: Layer[] }): void;
}

export interface View {
  zoom: number;
  bounds: { contains(place: LonLat): boolean };
  project(place: LonLat): { x: number; y: number };
  height: Height;
}

export interface PainterOptions {
  selected: string | null;
  colours: MapColours;
  trails: boolean;
  ellipses: boolean;
  labels: boolean;
  clusters: boolean;
  /** Draw where the phones really were. */
  truth: boolean;
  /** Names of the map itself, which neither a dot nor a UE's label may cover. */
  named: readonly MapLabel[];
  /** How much a UE counts now [0..1]: one that a filter leaves out is faint. */
  mattering: (row: Pick<MotionRow, 'id' | 'ue'>) => number;
}

/** From this many UEs on, those that would overlap are drawn as one with their number. */
const CLUSTER_FROM = 100;
const APART_FROM_ZOOM = 17.5;
/** More labels than this are a blur; with four times as many UEs in view nobody's is told apart. */
const MOST_LABELS = 60;
const HIT_PX = 16;
/** A dot with its outline, as far as a name keeps away. */
const DOT_PX = 9;
/** Ages on the map go in steps [ms]. */
const LABEL_STEP_MS = 10_000;
const STYLE_EVERY_MS = 1_000;
/** Trails of many are drawn anew at most this often [ms]. */
const TRAILS_EVERY_MS = 2_000;
/** From this many UEs on, new fixes only move them; the rest follows at this pace [ms]. */
const CROWD_FROM = 500;
const CROWD_EVERY_MS = 500;

export function labelText(id: string, age_ms: number): string {
  const shown_ms = Math.floor(age_ms / LABEL_STEP_MS) * LABEL_STEP_MS;
  return shown_ms > 0 ? `${id} \u00b7 ${age(shown_ms)}` : id;
}

function placeOfFix({ fix }: LiveUe): LonLat {
  const [lon = 0, lat = 0] = fix.geometry.coordinates;
  return [lon, lat];
}

export class UePainter {
  private readonly table: MotionTable;
  private position = new Float32Array(0);
  private corners = new Float32Array(0);
  private heads: Attribute = attribute(new Float32Array(0), 3);
  private style: UeStyle | null = null;
  private trails: Trails | null = null;
  private truths: Truths | null = null;
  private trailed_ms = 0;
  private trailsDue = false;
  private styled_ms = 0;
  private styledRows = 0;
  private groups: readonly Cluster[] | null = null;
  /** Rows that are drawn by themselves; null: all. */
  private alone: readonly number[] | null = null;
  private groupedAt = 0;
  private inView: readonly MotionRow[] = [];
  private drawn = false;
  private timer = 0;
  private readonly names = new MapNames();
  private readonly pacer = new FramePacer();

  constructor(
    private readonly overlay: Overlay,
    private readonly view: () => View,
    private readonly origin: LonLat,
    private options: PainterOptions,
    private readonly still: boolean,
  ) {
    this.table = new MotionTable(origin);
    this.timer = window.setInterval(() => this.restyle(), STYLE_EVERY_MS);
  }

  set(options: PainterOptions): void {
    this.trailsDue ||= options.trails !== this.options.trails;
    this.options = options;
    this.restyle();
  }

  /** Takes over the UEs as they are now. */
  update(ues: Readonly<Record<string, LiveUe>>): void {
    const now_ms = performance.now();
    // With reduced motion a marker is put where it was measured.
    this.table.update(ues, this.still ? now_ms - 1e6 : now_ms);
    const { length } = this.table.rows;
    this.trailsDue ||= length <= CLUSTER_FROM || now_ms - this.trailed_ms > TRAILS_EVERY_MS;
    const settled = length >= CROWD_FROM && length === this.styledRows;
    if (settled && now_ms - this.styled_ms < CROWD_EVERY_MS) this.wake();
    else this.restyle();
  }

  private trail(): void {
    const { trails, colours, mattering } = this.options;
    this.trailed_ms = performance.now();
    this.trailsDue = false;
    this.trails = trails
      ? trailsOf(
          this.inView,
          this.origin,
          hexRgb(colours.accent),
          mattering,
          TRAIL_MS,
          this.view().height,
        )
      : null;
  }

  /** Rows that are drawn by themselves. */
  private drawnRows(): readonly MotionRow[] {
    const { rows } = this.table;
    return this.alone?.flatMap((i) => rows[i] ?? []) ?? rows;
  }

  private restyle(): void {
    const { colours, mattering, selected } = this.options;
    this.styled_ms = performance.now();
    this.styledRows = this.table.rows.length;
    this.group();
    const drawn = this.drawnRows();
    const { bounds, height } = this.view();
    this.inView = drawn.filter(({ ue }) => bounds.contains(placeOfFix(ue)));
    if (this.trailsDue) this.trail();
    this.style = styleOf(drawn, shownNow_ms(), hexRgb(colours.accent), mattering, selected);
    this.heads = headsOf(drawn, this.origin, this.trails?.ends, height);
    this.truths = this.options.truth
      ? truthsOf(drawn, this.origin, hexRgb(colours.ink), selected, height)
      : null;
    this.wake();
  }

  /** Joins those that would overlap; whoever is inside a circle is not drawn beneath it as well. */
  private group(): void {
    const { rows } = this.table;
    const { zoom } = this.view();
    this.groupedAt = Math.floor(zoom);
    this.groups = null;
    this.alone = null;
    if (!this.options.clusters || rows.length < CLUSTER_FROM || zoom >= APART_FROM_ZOOM) return;
    const now_ms = performance.now();
    const places = rows.map(({ id }) => this.table.placeOf(id, now_ms) ?? this.origin);
    const { clusters, single } = cluster(places, zoom);
    const chosen = rows.findIndex(({ id }) => id === this.options.selected);
    this.alone = chosen < 0 || single.includes(chosen) ? single : [...single, chosen];
    this.groups = clusters;
  }

  private wake(): void {
    this.pacer.request((now_ms) => this.draw(now_ms));
  }

  /** Draws now; the map's camera moves the overlay by itself. */
  private draw(now_ms: number): void {
    const view = this.view();
    if (Math.floor(view.zoom) !== this.groupedAt) this.restyle();
    const { style, alone } = this;
    const count = alone?.length ?? this.table.rows.length;
    if (style === null || style.count !== count) return;
    if (this.position.length !== 3 * count) {
      this.position = new Float32Array(3 * count);
      this.corners = new Float32Array(12 * count);
    }
    const moving = this.table.fill(this.position, now_ms, view.height, alone);
    const { selected, colours, ellipses } = this.options;
    // The first picture shows markers alone: what else there is takes a while to be made ready.
    const first = !this.drawn;
    this.drawn ||= count > 0;
    const names =
      first && count > 0
        ? []
        : this.names.at(now_ms, this.options.named, view, () => this.dots(view, now_ms));
    const picture = {
      origin: this.origin,
      position: { value: fourfold(this.position, 3, this.corners) },
      heads: this.heads,
      style,
      trails: first ? null : this.trails,
      truths: first ? null : this.truths,
      ellipses: ellipses && !first,
      selectedAt: selected === null ? null : this.table.placeOf(selected, now_ms),
      clusters: this.groups ?? [],
      labels: first ? [] : this.labelled(view, now_ms, names),
      names: sizedNames(names, view),
      height: view.height,
    };
    this.overlay.setProps({ layers: ueLayers(picture, colours) });
    if (moving || (first && count > 0)) this.wake();
  }

  /** What covers the map on the screen. */
  private dots({ project }: View, now_ms: number): Dot[] {
    const dots = this.inView.flatMap(({ id }) => {
      const place = this.table.placeOf(id, now_ms);
      return place ? [{ ...project(place), radius_px: DOT_PX }] : [];
    });
    const circles = (this.groups ?? []).map(({ center, count }) => ({
      ...project(center),
      radius_px: circleRadius_px(count),
    }));
    return dots.concat(circles).map(({ x, y, radius_px }) => ({ x, y, radius_px }));
  }

  private selectedLabel(now_ms: number): UeLabel[] {
    const { selected } = this.options;
    const place = selected === null ? null : this.table.placeOf(selected, now_ms);
    const ue = this.table.rows.find(({ id }) => id === selected)?.ue;
    if (selected === null || place === null || !ue) return [];
    return [{ text: labelText(selected, shownNow_ms() - ue.time_ms), place, alpha: 255 }];
  }

  /** Labels that cover neither each other nor the map's, the selected one first. */
  private labelled(view: View, now_ms: number, names: readonly PlacedName[]): UeLabel[] {
    const chosen = this.selectedLabel(now_ms);
    if (!this.options.labels || this.inView.length > 4 * MOST_LABELS) return chosen;
    const room = new LabelRoom(view.project, view.zoom);
    for (const { text, place, offset_px } of names) room.reserve(text, place, offset_px);
    for (const { center, count } of this.groups ?? []) room.block(center, circleRadius_px(count));
    for (const { text, place } of chosen) room.take(text, place);
    const labels = [...chosen];
    for (const { id, ue } of this.inView) {
      if (labels.length >= MOST_LABELS) break;
      const place = this.table.placeOf(id, now_ms);
      if (id === this.options.selected || !place) continue;
      const text = labelText(id, shownNow_ms() - ue.time_ms);
      const matters = this.options.mattering({ id, ue });
      if (matters >= 1 && room.take(text, place)) labels.push({ text, place, alpha: 255 });
    }
    return labels;
  }

  /** The UE under a place of the screen. */
  at(point: { x: number; y: number }): string | null {
    const { project } = this.view();
    return hitUe(this.table, project, point, HIT_PX, performance.now());
  }

  /** Where a UE is drawn now. */
  placeOf(id: string): LonLat | null {
    return this.table.placeOf(id, performance.now());
  }

  /** The camera moved: what is grouped or labelled may differ. */
  moved(): void {
    this.wake();
  }

  /** Another part of the ground is known: all that lies on it is drawn anew. */
  raised(): void {
    this.trailsDue = true;
    this.restyle();
  }

  stop(): void {
    window.clearInterval(this.timer);
    this.pacer.stop();
  }
}
