import type { Page } from '@playwright/test';
import { UES, expect, test } from './service';
import { MAP_CLIP, difference } from './picture';

const QUIET = '&hide=labels,trails,ellipses,sites,buildings&map=none';

async function picture(page: Page): Promise<Buffer> {
  // Two pictures in a row that differ by markers at most: overlays and camera are at rest.
  let last = await page.screenshot({ clip: MAP_CLIP });
  await expect(async () => {
    const next = await page.screenshot({ clip: MAP_CLIP });
    const moved = await difference(page, last, next);
    last = next;
    expect(moved).toBeLessThan(0.01);
  }).toPass();
  return last;
}

async function firstUe(page: Page, url: string): Promise<string> {
  await page.goto(url);
  // The list is sorted: its first row stays the first once everybody is there.
  await expect(page.getByRole('heading', { name: `UEs ${UES}` })).toBeVisible();
  return (await page.locator('.ue-id').first().textContent()) ?? '';
}

test('a UE shows its fix, reports, residuals and measurement attention', async ({
  page,
  service,
}) => {
  const ue = await firstUe(page, service.url);
  await page.locator('.ue-row').first().press('Enter');
  const inspector = page.getByRole('region', { name: `UE ${ue}` });
  await expect(inspector.getByText('Accuracy 68 %').first()).toBeVisible();
  await expect(inspector.locator('.hypotheses li').first()).toBeVisible();
  await expect(inspector.getByText('Physics energy').first()).toBeVisible();

  await inspector.getByRole('tab', { name: 'Reports' }).click();
  await expect(inspector.locator('.measurements tbody tr').first()).toBeVisible();
  await inspector.getByRole('tab', { name: 'Residuals' }).click();
  await expect(inspector.locator('.deviation > span').first()).toBeVisible();
  await inspector.getByRole('tab', { name: 'Residuals' }).press('ArrowRight');
  await expect(inspector.locator('.token').first()).toBeVisible();

  await inspector.getByRole('button', { name: 'Close inspector' }).click();
  await expect(inspector).toBeHidden();
  await page.goBack();
  await expect(inspector).toBeVisible();
});

test('the attention overlay appears, by layer and head', async ({ page, service }) => {
  const ue = await firstUe(page, service.url);
  await page.goto(`${service.url}/?ue=${ue}&overlay=none${QUIET}`);
  await page.getByRole('button', { name: 'Hold' }).click();
  await expect(page).toHaveURL(/[?&]fix=/);
  const without = await picture(page);

  await page.getByRole('radio', { name: 'Attention' }).check({ force: true });
  await expect(page.getByRole('region', { name: 'Legend' })).toContainText('Attention');
  await expect
    .poll(async () => difference(page, without, await page.screenshot({ clip: MAP_CLIP })))
    .toBeGreaterThan(0.02);
  const blended = await picture(page);

  await page.getByRole('combobox', { name: 'Layer' }).selectOption('0');
  await page.getByRole('combobox', { name: 'Head' }).selectOption('0');

  await expect
    .poll(async () => difference(page, blended, await page.screenshot({ clip: MAP_CLIP })))
    .toBeGreaterThan(0.01);

  await page.getByRole('radio', { name: 'Posterior' }).check({ force: true });
  await expect(page.getByRole('region', { name: 'Legend' })).toContainText('Posterior');
});

test('a link opens the same view again', async ({ page, service }) => {
  const ue = await firstUe(page, service.url);
  await page.goto(`${service.url}/?ue=${ue}${QUIET}&tab=residuals`);
  await page.getByRole('button', { name: 'Hold' }).click();
  const first = await picture(page);
  const link = page.url();
  expect(link).toContain('at=');
  expect(link).toContain('fix=');
  await page.goto('about:blank');
  await page.goto(link);
  await expect(page.getByRole('tab', { name: 'Residuals' })).toHaveAttribute(
    'aria-selected',
    'true',
  );
  // The UEs have moved on meanwhile: everything else is the same.
  expect(await difference(page, first, await picture(page))).toBeLessThan(0.03);
});

test('what if: another position, other measurements, reports from the clipboard', async ({
  page,
  service,
}) => {
  const ue = await firstUe(page, service.url);
  await page.goto(`${service.url}/?ue=${ue}&tab=whatif${QUIET}`);
  await page.getByRole('button', { name: 'Hold' }).click();
  const pin = page.getByRole('button', { name: /Supposed position/ });
  await pin.focus();
  await pin.press('Shift+ArrowUp');
  await expect(page.getByTestId('what-if-distance')).toHaveText('10\u00a0m');
  await expect(page.getByTestId('what-if-rms')).toHaveText(/\d/);

  await page.getByRole('group', { name: 'Cells that count' }).getByRole('button').first().click();
  await page.getByRole('button', { name: 'Locate again' }).click();
  await expect(page.getByTestId('what-if-again')).toContainText('away');
  const held = page.url();
  await page.getByRole('button', { name: 'Explain this fix' }).click();
  await expect(page).not.toHaveURL(held);

  await page.getByRole('button', { name: 'Locate…' }).click();
  const reports = page.getByLabel('Reports as JSON or CSV');
  await reports.fill('cell_id,rsrp_dbm\nMUC01-1,loud');
  await page.getByRole('button', { name: 'Locate', exact: true }).click();
  await expect(page.getByRole('alert')).toContainText('line 2');
  await reports.fill('cell_id,rsrp_dbm,toa_ns\nMUC01-1,-81,420\nMUC02-3,-97,');
  await page.getByRole('button', { name: 'Locate', exact: true }).click();
  await expect(page.getByRole('region', { name: 'UE what-if' })).toContainText('Accuracy 68 %');
});
