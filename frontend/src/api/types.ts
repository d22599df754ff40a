/** Shapes of the service's answers, by the names that the console uses for them. */
import type { FeatureCollection, Geometry, Point, Polygon } from 'geojson';
import type { components } from './schema';

type Schemas = components['schemas'];

export type LonLat = [number, number];
/** Top left, top right, bottom right, bottom left: the document only says "four". */
export type Corners = [LonLat, LonLat, LonLat, LonLat];
type WithCorners<T> = Omit<T, 'corners'> & { corners: Corners };
type WithGrid<T> = Omit<T, 'grid'> & { grid: Grid };

export type ServiceConfig = Schemas['ServiceConfig'];
export type Scenes = Schemas['Scenes'];
export type Scene = WithCorners<Schemas['SceneBody']>;
export type RadioMapInfo = WithCorners<Schemas['RadioMapBody']>;
export type Probe = Schemas['Probe'];
export type ProbeCell = Schemas['ProbeCell'];
export type LiveFix = Schemas['LiveFix'];
export type Track = Schemas['Track'];
export type Fix = Schemas['FixBody'];
export type FixDetail = Schemas['KeptFix'];
export type Report = Schemas['Report'];
export type CellMeasurement = Schemas['CellMeasurement'];
export type LocateRequest = Schemas['LocateRequest'];
export type LocateReply = Schemas['LocateReply'];
export type AreaStatistics = Schemas['AreaStatistics'];
export type ModelMetrics = Schemas['ModelMetrics'];
export type Evaluation = Schemas['EvaluationBody'];
export type Residual = Schemas['ResidualBody'];
export type Grid = WithCorners<Schemas['GridBody']>;
export type AttentionDetail = WithGrid<Schemas['AttentionBody']>;
export type PosteriorDetail = WithGrid<Schemas['PosteriorBody']>;

/** GeoJSON, which the OpenAPI document leaves open. */
export interface CellProperties {
  cell_id: string;
  site_id: string;
  /** Null where it is not known. */
  bearing_deg: number | null;
  downtilt_deg: number;
  height_m: number;
  power_dbm: number;
  carrier_hz: number;
  bandwidth_hz: number;
  pci: number;
}
export type Cells = FeatureCollection<Point, CellProperties>;

export interface DrivePointProperties {
  cell_id: string;
  rsrp_dbm: number;
  expected_dbm: number | null;
  /** Measured minus the map's; null where the map has no value. */
  residual_db: number | null;
  /** Seconds since 1970. */
  time: number | null;
}
export type DriveTest = FeatureCollection<Point, DrivePointProperties>;

export interface BuildingProperties {
  height_m: number;
  base_m?: number;
  name?: string;
}
export type Buildings = FeatureCollection<Polygon, BuildingProperties>;

export interface RoadProperties {
  highway: string;
  name?: string;
  tunnel?: string;
}
export type Roads = FeatureCollection<Geometry, RoadProperties>;
export type Water = FeatureCollection;
