/** Shapes of the RayFix service, as its OpenAPI document describes them. */
import type { Feature, FeatureCollection, Point, Polygon } from 'geojson';

export type LonLat = [number, number];
/** Top left, top right, bottom right, bottom left. */
export type Corners = [LonLat, LonLat, LonLat, LonLat];

export interface ServiceConfig {
  mapbox_token: string | null;
  version: string;
}

export interface SceneFeature {
  name: string;
  unit: string;
  label: string;
}

export interface Scene {
  name: string;
  title: string;
  origin: { lat: number; lon: number };
  center: { lat: number; lon: number };
  corners: Corners;
  ue_height_m: number;
  features: SceneFeature[];
  cells: string[];
  model: string;
  attribution: string;
}

export interface CellProperties {
  cell_id: string;
  site_id: string;
  bearing_deg: number;
  downtilt_deg: number;
  height_m: number;
  power_dbm: number;
  carrier_hz: number;
  bandwidth_hz: number;
  pci: number;
}
export type Cells = FeatureCollection<Point, CellProperties>;

export interface BuildingProperties {
  height_m: number;
  base_m?: number;
  name?: string;
}
export type Buildings = FeatureCollection<Polygon, BuildingProperties>;

export interface RadioMapInfo {
  feature: string;
  cell: string;
  unit: string;
  label: string;
  corners: Corners;
  width: number;
  height: number;
  legend: {
    min: number;
    max: number;
    colormap: string;
    stops: { value: number; color: string }[];
  };
  image: string;
}

/** Values of one cell at a point; a quantity is null where no path arrives. */
export interface ProbeCell {
  cell_id: string;
  distance_m: number;
  rsrp_dbm: number | null;
  path_gain: number | null;
  toa: number | null;
  aoa: number | null;
  snr: number | null;
  sinr: number | null;
  throughput: number | null;
  bler: number | null;
}

export interface Probe {
  lat: number;
  lon: number;
  x_m: number;
  y_m: number;
  building_height_m: number | null;
  best_cell: string | null;
  cells: ProbeCell[];
}

export interface LiveFixProperties {
  ue_id: string;
  fix_id: string;
  scene: string;
  time: string;
  accuracy_m: number;
  confidence: number;
  semi_major_m: number;
  semi_minor_m: number;
  orientation_deg: number;
  ellipse_confidence: number;
  offset: number;
}
export type LiveFix = Feature<Point, LiveFixProperties>;
export type Track = FeatureCollection<Point, LiveFixProperties>;

export interface Fix {
  lat: number;
  lon: number;
  x_m: number;
  y_m: number;
  accuracy_m: number;
  confidence: number;
  ellipse: {
    semi_major_m: number;
    semi_minor_m: number;
    orientation_deg: number;
    confidence: number;
  };
}

/** Quantities of one cell in a report; only what was measured is present. */
export interface CellMeasurement {
  cell_id: string;
  [quantity: string]: string | number | null | undefined;
}

export interface Report {
  time: string | number;
  cells: CellMeasurement[];
}

export interface Residual {
  report: number;
  cell_id: string;
  feature: string;
  unit: string;
  observed: number;
  expected: number | null;
  difference: number | null;
  sigma: number;
}

export interface FixDetail {
  fix_id: string;
  ue_id: string | null;
  time: string;
  fix: Fix;
  unrefined_fix?: Fix | null;
  hypotheses: { lat: number; lon: number; weight: number }[];
  refinement?: {
    steps: number;
    path: [lat: number, lon: number][];
    energy_before: number;
    energy_after: number;
  } | null;
  residuals?: Residual[] | null;
  reports: Report[];
  model: string;
  scene: string;
  timing_ms: Record<string, number>;
}

export interface Grid {
  rows: number;
  columns: number;
  corners: Corners;
}

export interface AttentionDetail {
  fix_id: string;
  scene: string;
  grid: Grid;
  layers: number;
  heads: number;
  /** [layer][head][row * columns + column], row 0 = south; each sums to 1. */
  map_attention: number[][][];
  tokens: { report: number; time: string | number; cell_id: string }[];
  /** [layer][head][token] */
  token_attention: number[][][];
}

export interface PosteriorDetail {
  fix_id: string;
  scene: string;
  grid: Grid;
  /** [row * columns + column], row 0 = south; sums to 1. */
  probability: number[];
}
