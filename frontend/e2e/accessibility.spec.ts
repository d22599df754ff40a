import { AxeBuilder } from '@axe-core/playwright';
import { expect, test } from './service';

const TABS = ['reports', 'residuals', 'attention'];

for (const colorScheme of ['light', 'dark'] as const) {
  for (const [name, viewport] of [
    ['desktop', { width: 1440, height: 900 }],
    ['phone', { width: 390, height: 844 }],
  ] as const) {
    test.describe(`${name}, ${colorScheme}`, () => {
      test.use({ colorScheme, viewport });

      test('no accessibility violations', async ({ page, service }) => {
        await page.goto(service.url);
        const ids = page.locator('.ue-id');
        await expect(ids.first()).toBeAttached();
        const ue = (await ids.first().textContent()) ?? '';
        for (const view of ['', `?ue=${ue}`, ...TABS.map((tab) => `?ue=${ue}&tab=${tab}`)]) {
          await page.goto(`${service.url}/${view}`);
          await expect(page.locator('canvas').first()).toBeVisible();
          if (view !== '') await expect(page.getByRole('tabpanel')).toBeVisible();
          const { violations } = await new AxeBuilder({ page }).analyze();
          const found = violations.map(
            ({ id, nodes }) => `${view} ${id}: ${nodes.map((node) => node.html).join(' | ')}`,
          );
          expect(found).toEqual([]);
        }
      });
    });
  }
}
