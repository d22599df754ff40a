import type { Probe, RadioMapInfo } from '../src/api/types';
import { MAP_CLIP, difference } from './picture';
import { expect, test } from './service';

const MAP_ONLY = '?hide=labels,trails,ellipses,sites,buildings';

test('the value at the cursor is the one that the service answers', async ({ page, service }) => {
  await page.goto(service.url + MAP_ONLY + '&map=path_gain');
  const readout = page.getByTestId('probe-value');
  await expect(page.getByRole('region', { name: 'Legend' })).toContainText('dB');
  await page.waitForLoadState('networkidle', { timeout: 5000 }).catch(() => undefined);
  let compared = 0;
  for (const [x, y] of [
    [640, 420],
    [720, 520],
    [820, 480],
    [900, 600],
    [560, 640],
  ] as const) {
    const answered = page.waitForResponse((reply) => reply.url().includes('/probe?'));
    await page.mouse.move(x, y);
    const reply = await answered;
    const { pathname, search } = new URL(reply.url());
    const probe = await service.get<Probe>(pathname + search);
    const best = probe.cells.find((cell) => cell.cell_id === probe.best_cell);
    const value = best?.path_gain;
    if (value === null || value === undefined) {
      await expect(readout).toHaveText('No path');
      continue;
    }
    await expect(readout).toHaveText(`${value.toFixed(1).replace('-', '\u2212')}\u00a0dB`);
    compared++;
  }
  expect(compared).toBeGreaterThan(0);
});

test('feature and cell change the picture, the legend and the link', async ({ page, service }) => {
  await page.goto(service.url + MAP_ONLY + '&map=path_gain');
  const legend = page.getByRole('region', { name: 'Legend' });
  await expect(legend).toContainText('best server');
  await page.waitForTimeout(1500);
  const best = await page.screenshot({ clip: MAP_CLIP });

  await page.getByRole('combobox', { name: 'Cell' }).selectOption({ index: 1 });
  const cell = await page.getByRole('combobox', { name: 'Cell' }).inputValue();
  await expect(legend).toContainText(cell);
  await expect(page).toHaveURL(new RegExp(`cell=${cell}`));
  await expect
    .poll(async () => difference(page, best, await page.screenshot({ clip: MAP_CLIP })))
    .toBeGreaterThan(0.05);

  await page.getByLabel('Radio map').selectOption('toa');
  const info = await service.get<RadioMapInfo>(
    `/api/v1/scenes/munich/radio-maps/toa.json?cell=${cell}`,
  );
  await expect(legend).toContainText(info.label);
  await expect(legend).toContainText(info.unit);

  await page.getByLabel('Radio map').selectOption('');
  await expect(legend).toBeHidden();
});
