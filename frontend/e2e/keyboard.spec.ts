import type { Page } from '@playwright/test';
import { expect, test } from './service';

const FENCE = 'fences=Square,48.1374,11.5755,60';

/** Numbers everything that can be acted on; its names by number. What arrow keys reach is left out. */
function number(): string[] {
  document.querySelectorAll('details').forEach((details) => (details.open = true));
  const scope = document.querySelector('dialog[open]') ?? document.body;
  const wanted = 'a[href], button, input, select, textarea, summary, [tabindex="0"]';
  const byArrows = (element: Element) =>
    (element.matches('[role="tab"][tabindex="-1"]') &&
      element.parentElement?.querySelector('[role="tab"][tabindex="0"]')) ||
    (element.matches('input[type="radio"]:not(:checked)') &&
      element.closest('fieldset')?.querySelector('input:checked'));
  return [...scope.querySelectorAll<HTMLElement>(wanted)]
    .filter(
      (element) =>
        element.checkVisibility({ visibilityProperty: true }) &&
        !element.matches(':disabled, [aria-hidden="true"], [type="file"].visually-hidden') &&
        !byArrows(element),
    )
    .map((element, i) => {
      element.dataset['stop'] = String(i);
      const name = element.ariaLabel ?? element.textContent.trim().slice(0, 40);
      return `${element.tagName.toLowerCase()} ${element.className} ${name}`;
    });
}

/** Where the focus is, and whether it can be seen there. */
function focused(): { stop: number | null; seen: boolean } {
  const at = document.activeElement;
  if (!(at instanceof HTMLElement) || at === document.body) return { stop: null, seen: true };
  // A radio button shows its focus on what is drawn for it, the map on its edge.
  const map = at.closest('.maplibregl-map');
  const styles = [at, at.nextElementSibling].flatMap((element) =>
    element ? [getComputedStyle(element)] : [],
  );
  if (map) styles.push(getComputedStyle(map, '::after'));
  const seen = styles.some(
    ({ outlineStyle, boxShadow }) => outlineStyle !== 'none' || boxShadow !== 'none',
  );
  return { stop: at.dataset['stop'] === undefined ? null : Number(at.dataset['stop']), seen };
}

/** Walks with Tab until everything was focused, and says what was not, or not visibly. */
async function unreached(page: Page): Promise<string[]> {
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
  const names = await page.evaluate(number);
  expect(names.length).toBeGreaterThan(0);
  const left = new Set(names.keys());
  const unseen: string[] = [];
  for (let i = 0; i < names.length + 40 && left.size > 0; i++) {
    await page.keyboard.press('Tab');
    const { stop, seen } = await page.evaluate(focused);
    if (stop === null) continue;
    left.delete(stop);
    if (!seen) unseen.push(`focus not seen: ${names[stop] ?? ''}`);
  }
  return [...[...left].map((i) => names[i] ?? ''), ...unseen];
}

async function someUe(page: Page, url: string): Promise<string> {
  let id = '';
  await expect
    .poll(async () => {
      const reply = await page.request.get(`${url}/api/v1/ues`);
      const { features } = (await reply.json()) as { features: { id: string }[] };
      id = features[0]?.id ?? '';
      return id;
    })
    .not.toBe('');
  return id;
}

test('every action of every view is reached with Tab', async ({ page, service }) => {
  const ue = await someUe(page, service.url);
  const views = [
    '?map=path_gain',
    '?map=path_gain&compare=toa',
    `?page=alerts&${FENCE}`,
    '?page=evaluation',
    `?t=${new Date(Date.now() - 5000).toISOString()}`,
    ...['fix', 'reports', 'residuals', 'attention', 'whatif'].map((tab) => `?ue=${ue}&tab=${tab}`),
  ];
  for (const view of views) {
    await page.goto(`${service.url}/${view}`);
    await expect(page.locator('canvas').first()).toBeAttached();
    await expect(page.locator('.connection')).toHaveText(/^(Live|Playback)$/);
    if (view.includes('ue=')) await page.getByRole('button', { name: 'Hold' }).click();
    await page.waitForTimeout(1500);
    expect(await unreached(page), view).toEqual([]);
  }
});

test('dialogs keep the focus and give it back', async ({ page, service }) => {
  await page.goto(service.url);
  await expect(page.locator('.connection')).toHaveText('Live');
  for (const [key, name] of [
    ['?', 'Help'],
    ['l', 'Locate'],
  ] as const) {
    await page.keyboard.press(key);
    await expect(page.getByRole('dialog', { name })).toBeVisible();
    expect(await unreached(page), name).toEqual([]);
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog', { name })).toBeHidden();
  }
});

test('on a phone the sheets open and close by keyboard', async ({ page, service }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto(service.url);
  for (const sheet of ['UEs', 'Layers']) {
    await page.getByRole('button', { name: sheet, exact: false }).last().press('Enter');
    await page.waitForTimeout(500);
    expect(await unreached(page), sheet).toEqual([]);
  }
});

test('what the pointer does on the map, keys do as well', async ({ page, service }) => {
  const ue = await someUe(page, service.url);
  await page.goto(`${service.url}/?map=path_gain&compare=toa`);
  const line = page.getByRole('slider', { name: /Line between the two maps/ });
  const before = await line.getAttribute('aria-valuenow');
  await line.press('ArrowLeft');
  await expect(line).not.toHaveAttribute('aria-valuenow', before ?? '');

  // The value in the middle of the map is read as the map is moved.
  await page.goto(`${service.url}/?map=path_gain`);
  const canvas = page.locator('canvas[aria-label="Map"]').first();
  await expect(canvas).toBeAttached();
  await page.waitForTimeout(2000);
  for (let i = 0; i < 60 && !(await canvas.evaluate((at) => at === document.activeElement)); i++)
    await page.keyboard.press('Tab');
  await page.keyboard.press('ArrowUp');
  await expect(page.getByTestId('probe-value')).toBeVisible();

  await page.goto(`${service.url}/?ue=${ue}&tab=residuals`);
  const cell = page.locator('.residuals .cell-name').first();
  await cell.press('Enter');
  await expect(page).toHaveURL(/[?&]cell=/);

  // The panel folds away and comes back for the search.
  await page.goto(service.url);
  await expect(page.locator('.connection')).toHaveText('Live');
  await page.keyboard.press('u');
  await expect(page.getByRole('region', { name: 'UEs' })).toBeHidden();
  await expect(page).toHaveURL(/panel=0/);
  await page.keyboard.press('/');
  await expect(page.getByLabel('Search UEs and cells')).toBeFocused();

  await page.goto(`${service.url}/?page=alerts`);
  const add = page.getByRole('button', { name: 'Add at the centre' });
  await expect(add).toBeEnabled();
  await add.press('Enter');
  await page.getByLabel('Name of the geofence').fill('Here');
  await expect(page).toHaveURL(/fences=Here/);

  await page.goto(`${service.url}/?ue=${ue}&tab=whatif`);
  await page.getByRole('button', { name: 'Hold' }).press('Enter');
  const pin = page.getByRole('button', { name: /Supposed position/ });
  const place = await pin.boundingBox();
  for (let i = 0; i < 5; i++) await pin.press('Shift+ArrowUp');
  await expect.poll(async () => (await pin.boundingBox())?.y).not.toBe(place?.y);
});
