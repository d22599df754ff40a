import { expect, test } from '@playwright/test';
import { Service } from './service';

const CROWD = 500;

test('five hundred UEs are listed, played back and compared with where they were', async ({
  page,
}) => {
  const service = await Service.create();
  try {
    await service.startCrowd(CROWD);
    await page.goto(`${service.url}/?map=none`);
    await expect(page.locator('.ue-list .count')).toHaveText(String(CROWD));
    await page.waitForTimeout(15_000);
    await page.getByRole('button', { name: 'Play back' }).click();
    await page.keyboard.press(' ');
    const timeline = page.getByRole('region', { name: 'Timeline' });
    await expect(timeline).toContainText(`All ${CROWD} UEs`);
    // The feed is younger than where playback begins.
    await page.getByLabel('Time of playback').press('End');
    await expect(page.locator('.ue-list .count')).toHaveText(String(CROWD));
    // Errors of 1.5 m in both directions: half of them are below 1.77 m.
    await expect(timeline.getByRole('cell').first()).toHaveText(/^1\.[78]\sm$/);
    await expect(page.getByRole('button', { name: 'True places' })).toBeVisible();
  } finally {
    await service.end();
  }
});
