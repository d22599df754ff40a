/** Takes the pictures in docs/images/ of the real service with its feed (`make screenshots`). */
import { mkdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Page } from '@playwright/test';
import type { components } from '../src/api/schema';
import { expect, test, UES, type Service } from './service';

/** A geofence on the square in front of the town hall. */
const FENCE = 'Marienplatz,48.137300,11.575500,60';

const IMAGES = fileURLToPath(new URL('../../docs/images/', import.meta.url));
const LARGEST_BYTES = 500_000;
/** Long enough for trails to show where everyone came from. */
const TRAILS_MS = 25_000;
const SETTLED_MS = 8_000;

type LiveFix = components['schemas']['LiveFix'];

/** The UE nearest to the middle of the map: its surroundings fill the picture. */
async function centralUe(service: Service): Promise<string> {
  const { features } = await service.get<{ features: LiveFix[] }>('/api/v1/ues');
  const { center } = await service.get<{ center: { lat: number; lon: number } }>(
    '/api/v1/scenes/munich',
  );
  const away = ({ geometry: { coordinates } }: LiveFix) =>
    Math.hypot((coordinates[0] - center.lon) * 0.67, coordinates[1] - center.lat);
  const [nearest] = features.sort((a, b) => away(a) - away(b));
  if (!nearest) throw new Error('no UE is live');
  return nearest.properties.ue_id;
}

/** Points at the square in front of the town hall until the value there is read. */
async function readValue(page: Page): Promise<void> {
  await expect(async () => {
    await page.mouse.move(900, 380);
    await page.mouse.move(901, 381);
    await expect(page.getByTestId('probe-value')).toBeVisible({ timeout: 3000 });
  }).toPass();
}

async function take(page: Page, name: string): Promise<void> {
  await page.waitForLoadState('networkidle', { timeout: 10_000 }).catch(() => undefined);
  await page.waitForTimeout(SETTLED_MS);
  const path = `${IMAGES}${name}.png`;
  await page.screenshot({ path });
  expect(statSync(path).size).toBeLessThan(LARGEST_BYTES);
}

for (const colorScheme of ['light', 'dark'] as const) {
  for (const [device, viewport, touch] of [
    ['desktop', { width: 1440, height: 900 }, false],
    ['phone', { width: 390, height: 844 }, true],
  ] as const) {
    test.describe(`${device}, ${colorScheme}`, () => {
      test.use({
        colorScheme,
        viewport,
        hasTouch: touch,
        isMobile: touch,
        contextOptions: { reducedMotion: 'reduce' },
      });
      const suffix = `${device}-${colorScheme}`;

      test('pictures', async ({ page, service }) => {
        mkdirSync(IMAGES, { recursive: true });
        // On a phone the list is behind a button that counts them.
        const everybody = page.getByRole(device === 'phone' ? 'button' : 'heading', {
          name: `UEs ${UES}`,
        });
        await page.goto(service.url);
        await expect(everybody).toBeVisible();
        await page.waitForTimeout(TRAILS_MS);
        await take(page, `live-${suffix}`);

        const ue = await centralUe(service);
        await page.goto(`${service.url}/?ue=${ue}`);
        await expect(page.locator('.hypotheses li').first()).toBeVisible();
        await take(page, `attention-${suffix}`);
        await page.getByRole('radio', { name: 'Posterior' }).check({ force: true });
        await page.getByRole('tab', { name: 'Residuals' }).click();
        await take(page, `residuals-${suffix}`);

        await page.goto(`${service.url}/?ue=${ue}&tab=whatif&overlay=posterior`);
        await expect(page.getByRole('button', { name: 'Locate again' })).toBeVisible();
        await page.getByRole('button', { name: 'Zoom', exact: true }).click();
        await take(page, `what-if-${suffix}`);

        await page.goto(`${service.url}/?page=alerts&fences=${FENCE}`);
        await take(page, `alerts-${suffix}`);

        await page.goto(service.url);
        await expect(everybody).toBeVisible();
        await page.getByRole('button', { name: 'Play back' }).click();
        await expect(page.getByText(/Error, \d+ fixes/)).toBeVisible();
        // A UE's row, or on a phone the button that counts them, tells that somebody is there.
        await expect(everybody).toBeVisible();
        await take(page, `playback-${suffix}`);

        await page.goto(`${service.url}/?page=evaluation`);
        await expect(page.getByRole('heading', { name: 'Training' })).toBeVisible();
        await take(page, `evaluation-${suffix}`);

        await page.goto(`${service.url}/?map=sinr&opacity=85`);
        if (device === 'phone') await page.getByRole('button', { name: 'Layers' }).click();
        else await readValue(page);
        await take(page, `radio-map-${suffix}`);
      });
    });
  }
}
