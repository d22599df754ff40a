import { expect, test, UES } from './service';
import { MAP_CLIP, difference } from './picture';

const MARKERS_ONLY = '?map=none&hide=labels,trails,ellipses,sites,buildings';

test('every UE is listed and moves on the map', async ({ page, service }) => {
  await page.goto(service.url + MARKERS_ONLY);
  await expect(page.locator('.connection')).toHaveText('Live');
  await expect(page.locator('.ue-row')).toHaveCount(UES);
  await expect(page.locator('.ue-age').first()).toHaveText(/^[0-4]\ss$/);

  const before = await page.screenshot({ clip: MAP_CLIP });
  await expect
    .poll(async () => difference(page, before, await page.screenshot({ clip: MAP_CLIP })))
    .toBeGreaterThan(0.0005);
});

test('the filter narrows the list and stays in the link', async ({ page, service }) => {
  await page.goto(service.url);
  await expect(page.locator('.ue-row')).toHaveCount(UES);
  const id = (await page.locator('.ue-id').last().textContent()) ?? '';
  await page.getByLabel('Search UEs and cells').fill(id);
  await expect(page.locator('.ue-row')).toHaveCount(1);
  await page.reload();
  await expect(page.locator('.ue-row')).toHaveCount(1);
});

test('a restarted service is resumed where the console stopped', async ({ page, service }) => {
  const sockets: string[] = [];
  const hellos: { recovered: boolean }[] = [];
  page.on('websocket', (socket) => {
    sockets.push(socket.url());
    socket.on('framereceived', ({ payload }) => {
      const frame = JSON.parse(String(payload)) as { type: string; recovered: boolean };
      if (frame.type === 'hello') hellos.push(frame);
    });
  });
  await page.goto(service.url);
  await expect(page.locator('.ue-row')).toHaveCount(UES);
  await expect(page.locator('.connection')).toHaveText('Live');

  await service.stopServer();
  await expect(page.locator('.connection')).toHaveText('Reconnecting');
  await expect(page.locator('.ue-row')).toHaveCount(UES);
  // A service that stays away is told of, and a page that is not loaded yet says what to do.
  const notice = page.getByRole('alert').filter({ hasText: 'No contact with the service' });
  await expect(notice).toBeVisible();
  await page.keyboard.press('e');
  await expect(page.getByRole('region', { name: 'Evaluation' })).toContainText('reload the page');
  await page.keyboard.press('Escape');
  await service.startServer();
  await expect(page.locator('.connection')).toHaveText('Live');
  await expect(notice).toBeHidden();

  expect(new URL(sockets.at(-1) ?? '').searchParams.get('offset')).toMatch(/^\d+$/);
  expect(hellos.at(-1)?.recovered).toBe(true);
  await expect(page.locator('.ue-age').first()).toHaveText(/^[0-4]\ss$/);
});

test('playback shows the past with its errors, and goes back to live', async ({
  page,
  service,
}) => {
  await page.goto(service.url);
  await expect(page.locator('.ue-row')).toHaveCount(UES);
  await page.keyboard.press('p');
  await expect(page).toHaveURL(/[?&]t=/);
  const timeline = page.getByRole('region', { name: 'Timeline' });
  await expect(timeline.getByText('Error, ')).toContainText(/Error, \d+ fixes/);
  await page.keyboard.press(' ');
  const before = await timeline.locator('.timeline-clock').textContent();
  await page.keyboard.press('.');
  await expect(timeline.locator('.timeline-clock')).not.toHaveText(before ?? '');
  await expect(page.locator('.connection')).toHaveText('Playback');
  await timeline.getByRole('button', { name: 'Live' }).click();
  await expect(page).not.toHaveURL(/[?&]t=/);

  // Whoever drags the time back is in playback, and goes on dragging the same slider.
  const slider = timeline.getByLabel('Time of playback');
  await slider.press('PageDown');
  await expect(page).toHaveURL(/[?&]t=/);
  await expect(slider).toBeFocused();
});
