import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import { expect, test } from './service';

async function violations(page: Page): Promise<string[]> {
  const results = await new AxeBuilder({ page }).analyze();
  return results.violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' | ')}`,
  );
}

for (const colorScheme of ['light', 'dark'] as const) {
  for (const [device, viewport] of [
    ['desktop', { width: 1440, height: 900 }],
    ['phone', { width: 390, height: 844 }],
  ] as const) {
    test.describe(`${device}, ${colorScheme}`, () => {
      test.use({ colorScheme, viewport });

      test('no accessibility violations', async ({ page, service }) => {
        // A phone shows its list in a sheet: whom to select comes from the service.
        const ues = async (): Promise<string[]> => {
          const reply = await page.request.get(`${service.url}/api/v1/ues`);
          const { features } = (await reply.json()) as { features: { id: string }[] };
          return features.map(({ id }) => id);
        };
        await expect.poll(async () => (await ues()).length).toBeGreaterThan(0);
        await page.goto(service.url);
        await expect(page.locator('canvas').first()).toBeVisible();
        expect(await violations(page)).toEqual([]);
        if (device === 'phone') {
          for (const sheet of ['UEs', 'Layers']) {
            await page.getByRole('button', { name: sheet }).click();
            expect(await violations(page)).toEqual([]);
          }
        }

        for (const view of ['page=alerts&fences=Square,48.1374,11.5755,60', 'page=evaluation']) {
          await page.goto(`${service.url}/?${view}`);
          await expect(page.locator('canvas').first()).toBeAttached();
          if (view.includes('evaluation'))
            await expect(page.getByRole('heading', { name: 'Evaluation' })).toBeVisible();
          expect(await violations(page)).toEqual([]);
        }
        await page.keyboard.press('?');
        await expect(page.getByRole('dialog', { name: 'Help' })).toBeVisible();
        expect(await violations(page)).toEqual([]);

        await page.goto(`${service.url}/?ue=${(await ues())[0] ?? ''}`);
        for (const tab of ['Fix', 'Reports', 'Residuals', 'Attention', 'What if']) {
          await page.getByRole('tab', { name: tab }).click();
          await expect(page.getByRole('tabpanel', { name: tab })).toBeVisible();
          expect(await violations(page)).toEqual([]);
        }
      });
    });
  }
}
