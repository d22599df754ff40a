import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import type { DriveTest, RadioMapInfo } from '../src/api/types';
import { MAP_CLIP, difference } from './picture';
import { ROOT, Service } from './service';

const [LAT, LON] = [52.1, 9.8];
const METRES_PER_DEGREE = 111_195;
const SITES = [
  { cell: 'north', east_m: 50, north_m: 260 },
  { cell: 'west', east_m: -280, north_m: -120 },
  { cell: 'east', east_m: 300, north_m: -160 },
];

function degrees(east_m: number, north_m: number): [lat: number, lon: number] {
  const narrow = Math.cos((LAT * Math.PI) / 180);
  return [LAT + north_m / METRES_PER_DEGREE, LON + east_m / (METRES_PER_DEGREE * narrow)];
}

/** A drive along streets 60 m apart: levels fall with distance, and buildings make waves in them. */
function driveTest(): string {
  const rows = ['time,lat,lon,cell_id,rsrp_dbm'];
  let second = 0;
  const measure = (east_m: number, north_m: number) => {
    const [lat, lon] = degrees(east_m, north_m);
    const time = new Date(Date.UTC(2026, 8, 1, 9, 0, second++)).toISOString();
    SITES.forEach((site, i) => {
      const away_m = Math.hypot(east_m - site.east_m, north_m - site.north_m) + 20;
      const wave = 5 * Math.sin(east_m / 70 + i) * Math.cos(north_m / 80);
      const fading = 2 * Math.sin(second * 12.9898 + 78.233 * i);
      const level = -80 - 35 * Math.log10(away_m / 300) + wave + fading;
      rows.push([time, lat.toFixed(7), lon.toFixed(7), site.cell, level.toFixed(1)].join(','));
    });
  };
  for (let street = -300; street <= 300; street += 60) {
    for (let along = -300; along <= 300; along += 15) {
      measure(along, street);
      measure(street, along);
    }
  }
  return rows.join('\n');
}

/** Builds a map from a drive test, as docs/real-data.md says; the folder of maps. */
function buildMap(service: Service): string {
  const file = (name: string) => join(service.folder, name);
  writeFileSync(file('log.csv'), driveTest());
  const sites = SITES.map(({ cell, east_m, north_m }) =>
    [cell, ...degrees(east_m, north_m)].join(','),
  );
  writeFileSync(file('sites.csv'), ['cell_id,lat,lon', ...sites].join('\n'));
  const maps = file('maps');
  mkdirSync(maps);
  service.command('measurement', 'import', file('log.csv'), '--output', file('drive.zarr.zip'));
  service.command(
    ...['maps', 'measure', '--log', file('drive.zarr.zip'), '--sites', file('sites.csv')],
    ...['--name', 'town', '--title', 'A measured town', '--output-dir', maps],
  );
  symlinkSync(join(ROOT, 'radio_maps/munich'), join(maps, 'munich'));
  return maps;
}

test('a measured map with its uncertainty, and the drive test coloured by residual', async ({
  page,
}) => {
  const service = await Service.create();
  try {
    const maps = buildMap(service);
    await service.startServer({ RAYFIX_RADIO_MAPS_DIR: maps, RAYFIX_SCENES: 'munich,town' });
    await page.goto(service.url);
    await page.getByRole('combobox', { name: 'Scene' }).selectOption('town');
    await expect(page).toHaveURL(/scene=town/);

    const legend = page.getByRole('region', { name: 'Legend' });
    const points = await service.get<DriveTest>('/api/v1/scenes/town/drive-test.geojson?cell=best');
    expect(points.features.length).toBeGreaterThan(500);
    await expect(legend.getByRole('region', { name: 'Drive test' })).toContainText(
      `${points.features.length} points`,
    );
    await page.waitForTimeout(3000);
    const shown = await page.screenshot({ clip: MAP_CLIP });

    // The value at the cursor is one of the points that the service gives.
    const residual = page.getByTestId('drive-residual');
    for (let x = 500; x < 1000 && (await residual.count()) === 0; x += 20) {
      await page.mouse.move(x, 520);
      await page.waitForTimeout(200);
    }
    const told = Number(
      ((await residual.textContent()) ?? '').replace('\u2212', '-').replace(/\sdB/, ''),
    );
    const known = points.features.map(({ properties }) => properties.residual_db ?? NaN);
    expect(known.some((value) => Math.abs(value - told) < 0.051)).toBe(true);

    await page.mouse.move(10, 10);
    await page.getByRole('button', { name: 'Drive test' }).click();
    await expect(legend.getByRole('region', { name: 'Drive test' })).toBeHidden();
    await expect
      .poll(async () => difference(page, shown, await page.screenshot({ clip: MAP_CLIP })))
      .toBeGreaterThan(0.003);

    const bare = await page.screenshot({ clip: MAP_CLIP });
    await page.getByLabel('Radio map').selectOption('path_gain_stderr');
    const info = await service.get<RadioMapInfo>(
      '/api/v1/scenes/town/radio-maps/path_gain_stderr.json?cell=best',
    );
    await expect(legend).toContainText(info.label);
    await expect(legend).toContainText(info.unit);
    await expect
      .poll(async () => difference(page, bare, await page.screenshot({ clip: MAP_CLIP })))
      .toBeGreaterThan(0.02);
  } finally {
    await service.end();
  }
});
