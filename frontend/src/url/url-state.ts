/** Everything about the view that a link shares, and its form in the query string. */

import { formatGeofences, parseGeofences, type Geofence } from '../live/geofences';

export interface CameraView {
  longitude: number;
  latitude: number;
  zoom: number;
  bearing: number;
  pitch: number;
}

export const TABS = ['fix', 'reports', 'residuals', 'attention', 'whatif'] as const;
export type InspectorTab = (typeof TABS)[number];

export const OVERLAYS = ['attention', 'posterior', 'none'] as const;
export type Overlay = (typeof OVERLAYS)[number];

export const TOGGLES = [
  'labels',
  'trails',
  'ellipses',
  'groups',
  'sites',
  'buildings',
  'geofences',
  'truth',
  'drive',
] as const;
export type Toggle = (typeof TOGGLES)[number];

export const PAGES = ['map', 'alerts', 'evaluation'] as const;
export type Page = (typeof PAGES)[number];

/** Orders of the UE list: by name, the least certain first, the longest silent first. */
export const SORTS = ['ue', 'accuracy', 'age'] as const;
export type Sort = (typeof SORTS)[number];

export const BEST_SERVER = 'best';

/** Stands for the UE of reports that were located here; it is not in the live feed. */
export const LOCATED = 'what-if';

export interface UrlState {
  scene: string | null;
  view: CameraView | null;
  /** Selected UE. */
  ue: string | null;
  /** A fix held in the inspector; null follows the UE's latest one. */
  fix: string | null;
  tab: InspectorTab;
  overlay: Overlay;
  /** Attention layer and head; null blends all of them. */
  layer: number | null;
  head: number | null;
  /** Radio-map feature; null shows none. */
  feature: string | null;
  cell: string;
  /** Values at the two ends of the radio map's ramp; null takes the legend's own. */
  range: readonly [number, number] | null;
  /** A second feature right of the swipe handle; null shows one map. */
  compare: string | null;
  /** Opacity of the radio map [%]. */
  opacity: number;
  hidden: readonly Toggle[];
  /** What the UE list is filtered by. */
  query: string;
  sort: Sort;
  /** The camera stays with the selected UE. */
  follow: boolean;
  /** Time of playback [ms since 1970]; null is live. */
  time: number | null;
  /** What stands beside or over the map. */
  page: Page;
  /** Whether the panel left of the map is open. */
  panel: boolean;
  geofences: readonly Geofence[];
}

export const DEFAULT_STATE: UrlState = {
  scene: null,
  view: null,
  ue: null,
  fix: null,
  tab: 'fix',
  overlay: 'attention',
  layer: null,
  head: null,
  feature: 'path_gain',
  cell: BEST_SERVER,
  opacity: 70,
  hidden: [],
  query: '',
  sort: 'ue',
  range: null,
  compare: null,
  follow: false,
  time: null,
  page: 'map',
  panel: true,
  geofences: [],
};

const NO_FEATURE = 'none';

function oneOf<T extends string>(values: readonly T[], text: string | null, otherwise: T): T {
  return values.includes(text as T) ? (text as T) : otherwise;
}

function index(text: string | null): number | null {
  return text !== null && /^\d{1,3}$/.test(text) ? Number(text) : null;
}

function parseRange(text: string | null): readonly [number, number] | null {
  const [low, high, ...more] = (text ?? '').split(',').map((part) => Number(part || 'x'));
  if (low === undefined || high === undefined || more.length > 0) return null;
  return Number.isFinite(low) && Number.isFinite(high) && low < high ? [low, high] : null;
}

function parseTime(text: string | null): number | null {
  const time_ms = Date.parse(text ?? '');
  return Number.isNaN(time_ms) ? null : time_ms;
}

function parseView(text: string | null): CameraView | null {
  const numbers = (text ?? '').split(',').map((part) => (part.trim() === '' ? NaN : Number(part)));
  if (numbers.length !== 5 || !numbers.every(Number.isFinite)) return null;
  const [latitude, longitude, zoom, bearing, pitch] = numbers as [
    number,
    number,
    number,
    number,
    number,
  ];
  if (Math.abs(latitude) > 85 || Math.abs(longitude) > 180) return null;
  if (zoom < 0 || zoom > 24 || pitch < 0 || pitch > 85) return null;
  return { latitude, longitude, zoom, bearing, pitch };
}

function formatView(view: CameraView): string {
  return [
    view.latitude.toFixed(6),
    view.longitude.toFixed(6),
    view.zoom.toFixed(2),
    view.bearing.toFixed(1),
    view.pitch.toFixed(1),
  ]
    .map((text) => String(Number(text)))
    .join(',');
}

/** Reads a query string; what is missing or malformed takes its default. */
export function parseUrl(search: string): UrlState {
  const p = new URLSearchParams(search);
  const feature = p.get('map');
  const opacity = index(p.get('opacity'));
  const hidden = (p.get('hide') ?? '').split(',');
  return {
    scene: p.get('scene'),
    view: parseView(p.get('at')),
    ue: p.get('ue'),
    fix: p.get('fix'),
    tab: oneOf(TABS, p.get('tab'), DEFAULT_STATE.tab),
    overlay: oneOf(OVERLAYS, p.get('overlay'), DEFAULT_STATE.overlay),
    layer: index(p.get('layer')),
    head: index(p.get('head')),
    feature: feature === null ? DEFAULT_STATE.feature : feature === NO_FEATURE ? null : feature,
    cell: p.get('cell') ?? DEFAULT_STATE.cell,
    opacity: opacity !== null && opacity <= 100 ? opacity : DEFAULT_STATE.opacity,
    hidden: TOGGLES.filter((toggle) => hidden.includes(toggle)),
    query: p.get('q') ?? '',
    sort: oneOf(SORTS, p.get('sort'), DEFAULT_STATE.sort),
    range: parseRange(p.get('range')),
    compare: p.get('compare'),
    follow: p.get('follow') === '1',
    time: parseTime(p.get('t')),
    geofences: parseGeofences(p.get('fences')),
    page: oneOf(PAGES, p.get('page'), DEFAULT_STATE.page),
    panel: p.get('panel') !== '0',
  };
}

/** Writes a query string ('' or '?...'); what equals its default is left out. */
export function formatUrl(state: UrlState): string {
  const p = new URLSearchParams();
  const put = (key: string, value: string | number | null, standard: string | number | null) => {
    if (value !== standard && value !== null) p.set(key, String(value));
  };
  put('scene', state.scene, null);
  put('at', state.view && formatView(state.view), null);
  put('ue', state.ue, null);
  put('fix', state.fix, null);
  put('tab', state.tab, DEFAULT_STATE.tab);
  put('overlay', state.overlay, DEFAULT_STATE.overlay);
  put('layer', state.layer, null);
  put('head', state.head, null);
  put('map', state.feature ?? NO_FEATURE, DEFAULT_STATE.feature);
  put('cell', state.cell, DEFAULT_STATE.cell);
  put('opacity', state.opacity, DEFAULT_STATE.opacity);
  put('hide', state.hidden.join(','), '');
  put('q', state.query, '');
  put('sort', state.sort, DEFAULT_STATE.sort);
  put('range', state.range && state.range.join(','), null);
  put('compare', state.compare, null);
  put('follow', state.follow ? '1' : null, null);
  put('t', state.time === null ? null : new Date(state.time).toISOString(), null);
  put('fences', formatGeofences(state.geofences), '');
  put('page', state.page, DEFAULT_STATE.page);
  put('panel', state.panel ? null : '0', null);
  const search = p.toString().replaceAll('%2C', ',').replaceAll('%3A', ':').replaceAll('%3B', ';');
  return search === '' ? '' : `?${search}`;
}
