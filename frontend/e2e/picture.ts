import type { Page } from '@playwright/test';

/** The map between the panels of a 1440 x 900 window. */
export const MAP_CLIP = { x: 300, y: 300, width: 700, height: 560 };

/** Share of pixels [0..1] that differ visibly between two PNG pictures of one size. */
export function difference(page: Page, a: Buffer, b: Buffer): Promise<number> {
  return page.evaluate(
    async (pictures) => {
      const [first, second] = await Promise.all(
        pictures.map(async (base64) => {
          const reply = await fetch(`data:image/png;base64,${base64}`);
          const bitmap = await createImageBitmap(await reply.blob());
          const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
          if (!context) throw new Error('no 2d context');
          context.drawImage(bitmap, 0, 0);
          return context.getImageData(0, 0, bitmap.width, bitmap.height).data;
        }),
      );
      if (!first || !second || first.length !== second.length) throw new Error('sizes differ');
      let differing = 0;
      for (let i = 0; i < first.length; i += 4) {
        const step = (channel: number) =>
          Math.abs((first[i + channel] ?? 0) - (second[i + channel] ?? 0));
        if (step(0) + step(1) + step(2) > 24) differing++;
      }
      return differing / (first.length / 4);
    },
    [a.toString('base64'), b.toString('base64')],
  );
}
