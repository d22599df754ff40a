import type { Page, Route } from '@playwright/test';
import { expect, test } from './service';

const STYLE = { version: 8, sources: {}, layers: [{ id: 'land', type: 'background' }] };

const CORS = { 'Access-Control-Allow-Origin': '*' };

/** The service with a token, and Mapbox's servers as the test wants them. */
async function withMapbox(
  page: Page,
  answer: (route: Route) => Promise<void>,
  style: string | null = null,
) {
  const config = { mapbox_token: 'pk.eyJ1IjoidCJ9.test', mapbox_style: style, version: 'test' };
  await page.route('**/api/v1/config', (route) => route.fulfill({ json: config }));
  await page.route(/^https:\/\/[a-z.]*mapbox\.com\//, answer);
}

test('a token that Mapbox accepts', async ({ page, service }) => {
  await withMapbox(page, (route) =>
    route.request().url().includes('/styles/')
      ? route.fulfill({ json: STYLE, headers: CORS })
      : route.fulfill({ status: 204, body: '', headers: CORS }),
  );
  await page.goto(service.url);
  await expect(page.locator('.mapboxgl-canvas')).toBeVisible();
  await expect(page.locator('.ue-row').first()).toBeVisible();
  await page.waitForTimeout(3000);
  await expect(page.locator('.mapboxgl-canvas')).toBeVisible();
  await expect(page.locator('.notice')).toHaveCount(0);
});

test('a chosen style, and Standard without its terrain and buildings', async ({
  page,
  service,
}) => {
  const asked: string[] = [];
  const errors: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  await withMapbox(
    page,
    (route) => {
      if (!route.request().url().includes('/styles/'))
        return route.fulfill({ status: 204, body: '', headers: CORS });
      asked.push(new URL(route.request().url()).pathname);
      const lit = {
        ...STYLE,
        schema: {
          show3dObjects: { default: true, type: 'boolean' },
          lightPreset: { default: 'day', type: 'string' },
        },
      };
      return route.fulfill({ json: lit, headers: CORS });
    },
    'mapbox://styles/mapbox/standard',
  );
  await page.goto(`${service.url}/?feature=sinr`);
  await expect(page.locator('.mapboxgl-canvas')).toBeVisible();
  await expect(page.locator('.ue-row').first()).toBeVisible();
  await page.waitForTimeout(3000);
  expect(asked).toContain('/styles/v1/mapbox/standard');
  // A paint or a style that Mapbox does not know would be told here.
  expect(errors).toEqual([]);
  // The other scheme is the same style with other lights, on a map that takes this one's place.
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.waitForTimeout(2000);
  await expect(page.locator('.mapboxgl-canvas')).toBeVisible();
  await expect(page.locator('.notice')).toHaveCount(0);
});

test('a token that Mapbox refuses', async ({ page, service }) => {
  await withMapbox(page, (route) =>
    route.fulfill({
      status: 401,
      json: { message: 'Not Authorized - Invalid Token' },
      headers: CORS,
    }),
  );
  await page.goto(service.url);
  await expect(page.locator('.notice')).toContainText('Mapbox refused the access token');
  await expect(page.locator('.maplibregl-canvas')).toBeVisible();
  await page.getByRole('button', { name: 'Dismiss' }).click();
  await expect(page.locator('.notice')).toHaveCount(0);
});

test('Mapbox out of reach', async ({ page, service }) => {
  await withMapbox(page, (route) => route.abort('internetdisconnected'));
  await page.goto(service.url);
  await expect(page.locator('.notice')).toContainText('Mapbox cannot be reached');
  await expect(page.locator('.maplibregl-canvas')).toBeVisible();
});
