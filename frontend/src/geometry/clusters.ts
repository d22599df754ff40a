/** Groups of points that would be drawn on top of each other. */
import type { LonLat } from '../api/types';

export interface Cluster {
  center: LonLat;
  count: number;
}

export interface Clustered {
  clusters: Cluster[];
  /** Indices of the points that stand alone. */
  single: number[];
}

/** Fewer points than this stay apart: a circle would say less than they do. */
const SMALLEST = 4;
/** Side of a square [screen pixels] whose points are drawn as one. */
const SQUARE_PX = 56;
const TILE_PX = 512;

/** Web Mercator (EPSG:3857) in units of the world's width. */
function mercator(lon: number, lat: number): [number, number] {
  const sin = Math.sin((lat * Math.PI) / 180);
  return [lon / 360, Math.log((1 + sin) / (1 - sin)) / (4 * Math.PI)];
}

/** Points by squares of the world at a whole zoom, so that they stay put while the map moves. */
export function cluster(points: readonly LonLat[], zoom: number): Clustered {
  const perPixel = TILE_PX * 2 ** Math.floor(zoom);
  const squares = new Map<string, number[]>();
  points.forEach(([lon, lat], i) => {
    const [x, y] = mercator(lon, lat);
    const key = `${Math.floor((x * perPixel) / SQUARE_PX)},${Math.floor((y * perPixel) / SQUARE_PX)}`;
    const square = squares.get(key);
    if (square) square.push(i);
    else squares.set(key, [i]);
  });
  const found: Clustered = { clusters: [], single: [] };
  for (const members of squares.values()) {
    if (members.length < SMALLEST) {
      found.single.push(...members);
      continue;
    }
    let lon = 0;
    let lat = 0;
    for (const i of members) {
      const point = points[i];
      lon += (point?.[0] ?? 0) / members.length;
      lat += (point?.[1] ?? 0) / members.length;
    }
    found.clusters.push({ center: [lon, lat], count: members.length });
  }
  return found;
}
