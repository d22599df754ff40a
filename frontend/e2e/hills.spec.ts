import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import type { LocateReply, Probe, Scene } from '../src/api/types';
import { distance_m, offset } from '../src/geometry/local-metres';
import { MAP_CLIP, changedCentre, difference } from './picture';
import { PYTHON, ROOT, Service } from './service';

const ORIGIN: [lon: number, lat: number] = [9.8, 52.1];
const HALF_M = 144;
const SITES = [
  { site: 'north', east_m: 20, north_m: 110 },
  { site: 'west', east_m: -110, north_m: -60 },
  { site: 'east', east_m: 110, north_m: -80 },
];
const PHONE: [east_m: number, north_m: number] = [-50, -40];
const MAP_ONLY = 'hide=labels,trails,ellipses,sites,buildings,groups';

/** A hillside that rises by a fifth to the east. */
const WRITE_HEIGHTS = `
import sys
import numpy as np
import rasterio
from rasterio.transform import from_bounds
west, south, east, north = map(float, sys.argv[2:])
heights = np.tile(np.linspace(20, 140, 100, dtype="float32"), (100, 1))
with rasterio.open(
    sys.argv[1], "w", driver="GTiff", width=100, height=100, count=1, dtype="float32",
    crs="EPSG:4326", transform=from_bounds(west, south, east, north, 100, 100),
) as file:
    file.write(heights, 1)
`;

function ring(east_m: number, north_m: number, width_m: number, depth_m: number) {
  const corners = [[0, 0], [width_m, 0], [width_m, depth_m], [0, depth_m], [0, 0]]; // prettier-ignore
  return [corners.map(([x = 0, y = 0]) => offset(ORIGIN, east_m + x, north_m + y))];
}

function town() {
  const feature = (properties: object, type: string, coordinates: unknown) => ({
    type: 'Feature',
    properties,
    geometry: { type, coordinates },
  });
  const street = [offset(ORIGIN, -140, 10), offset(ORIGIN, 140, 10)];
  return {
    type: 'FeatureCollection',
    features: [
      feature({ building: 'yes', height: 12 }, 'Polygon', ring(-60, 40, 40, 20)),
      feature({ building: 'yes', height: 15 }, 'Polygon', ring(10, 40, 30, 30)),
      feature({ highway: 'secondary', name: 'High Street' }, 'LineString', street),
      feature({ natural: 'water' }, 'Polygon', ring(-100, -110, 60, 50)),
    ],
  };
}

/** Imports a town on a hillside and builds its map, as docs/your-own-city.md says. */
function buildMap(service: Service): string {
  const file = (name: string) => join(service.folder, name);
  const box = (half_m: number) =>
    [offset(ORIGIN, -half_m, -half_m), offset(ORIGIN, half_m, half_m)].flat().map(String);
  writeFileSync(file('town.geojson'), JSON.stringify(town()));
  execFileSync(PYTHON, ['-c', WRITE_HEIGHTS, file('heights.tif'), ...box(3 * HALF_M)]);
  const sites = SITES.map(({ site, east_m, north_m }) => {
    const [lon, lat] = offset(ORIGIN, east_m, north_m);
    return [site, lat, lon, 25].join(',');
  });
  writeFileSync(file('sites.csv'), ['site_id,lat,lon,height_m', ...sites].join('\n'));
  const maps = file('maps');
  mkdirSync(maps);
  service.command(
    ...['scene', 'import', '--osm', file('town.geojson'), '--name', 'hills'],
    ...['--bbox', box(HALF_M).join(','), '--dem', file('heights.tif')],
    ...['--output-dir', file('scenes')],
  );
  const scene = file('scenes/hills');
  service.command('scene', 'sites', '--scene', scene, '--from', file('sites.csv'));
  service.command(
    ...['maps', 'build', '--scene', scene, '--output-dir', maps, '--resolution', '4'],
    ...['--rays', '50000', '--max-depth', '1', '--no-diffraction'],
  );
  symlinkSync(join(ROOT, 'radio_maps/munich'), join(maps, 'munich'));
  return maps;
}

/** Has a phone located by what the map says at its place. */
async function locate(service: Service): Promise<LocateReply> {
  const [lon, lat] = offset(ORIGIN, ...PHONE);
  const probe = await service.get<Probe>(`/api/v1/scenes/hills/probe?lat=${lat}&lon=${lon}`);
  const cells = probe.cells
    .filter(({ rsrp_dbm }) => rsrp_dbm !== null)
    .map(({ cell_id, rsrp_dbm, toa, aoa }) => ({ cell_id, rsrp_dbm, toa_ns: toa, aoa_deg: aoa }));
  expect(cells.length).toBeGreaterThan(2);
  const reply = await fetch(`${service.url}/api/v1/locate`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({
      scene: 'hills',
      ue_id: 'walker',
      reports: [{ time: Date.now() / 1000, cells }],
    }),
  });
  expect(reply.status).toBe(200);
  return (await reply.json()) as LocateReply;
}

test('roads and water lie below the map, and phones stand on its hills', async ({ page }) => {
  const service = await Service.create();
  try {
    const maps = buildMap(service);
    await service.startServer({ RAYFIX_RADIO_MAPS_DIR: maps, RAYFIX_SCENES: 'munich,hills' });
    const scene = await service.get<Scene>('/api/v1/scenes/hills');
    expect(scene.terrain?.encoding).toBe('terrarium');
    const view = `at=${ORIGIN[1]},${ORIGIN[0]},17.3,0,60`;
    const ground = page.waitForResponse((reply) => /\/ground\/\d+\//.test(reply.url()));
    await page.goto(`${service.url}/?scene=hills&${MAP_ONLY}&${view}`);
    expect((await ground).status()).toBe(200);
    await page.waitForTimeout(4000);
    const empty = await page.screenshot({ clip: MAP_CLIP });

    const { fix } = await locate(service);
    await expect(page.locator('.ue-row')).toHaveCount(1);
    await expect
      .poll(async () => difference(page, empty, await page.screenshot({ clip: MAP_CLIP })))
      .toBeGreaterThan(0.0002);
    await page.waitForTimeout(1000);
    const dot = await changedCentre(page, empty, await page.screenshot({ clip: MAP_CLIP }));

    // What is read under the dot is the map at the phone's place.
    const [x, y] = [MAP_CLIP.x + dot.x, MAP_CLIP.y + dot.y];
    const answered = page.waitForResponse((reply) => reply.url().includes('/probe?'));
    await page.mouse.move(x, y);
    const read = new URL((await answered).url()).searchParams;
    const place: [number, number] = [Number(read.get('lon')), Number(read.get('lat'))];
    expect(distance_m(place, [fix.lon, fix.lat])).toBeLessThan(3);
    await page.mouse.click(x, y);
    await expect(page).toHaveURL(/ue=walker/);

    // Without roads and water the same view looks different.
    const bare = `${service.url}/?scene=hills&map=none&${MAP_ONLY}&${view}`;
    await page.goto(bare);
    await page.waitForTimeout(4000);
    const whole = await page.screenshot({ clip: MAP_CLIP });
    for (const name of ['roads', 'water']) {
      await page.route(`**/${name}.geojson`, (route) =>
        route.fulfill({ json: { type: 'FeatureCollection', features: [] } }),
      );
      await page.goto(bare);
      await page.waitForTimeout(4000);
      const without = await page.screenshot({ clip: MAP_CLIP });
      expect(await difference(page, whole, without)).toBeGreaterThan(0.005);
      await page.unroute(`**/${name}.geojson`);
    }
  } finally {
    await service.end();
  }
});
