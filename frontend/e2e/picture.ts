import type { Page } from '@playwright/test';

/** The map between the panels of a 1440 x 900 window. */
export const MAP_CLIP = { x: 300, y: 300, width: 700, height: 560 };

interface Changes {
  /** Share of the pixels that differ visibly [0..1]. */
  share: number;
  /** Their middle. */
  x: number;
  y: number;
}

/** Pixels that differ visibly between two PNG pictures of one size. */
function changes(page: Page, a: Buffer, b: Buffer): Promise<Changes> {
  return page.evaluate(
    async (pictures) => {
      const [first, second] = await Promise.all(
        pictures.map(async (base64) => {
          const reply = await fetch(`data:image/png;base64,${base64}`);
          const bitmap = await createImageBitmap(await reply.blob());
          const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
          if (!context) throw new Error('no 2d context');
          context.drawImage(bitmap, 0, 0);
          return context.getImageData(0, 0, bitmap.width, bitmap.height);
        }),
      );
      if (!first || first.data.length !== second?.data.length) throw new Error('sizes differ');
      let [differing, x, y] = [0, 0, 0];
      for (let i = 0; i < first.data.length; i += 4) {
        const step = (channel: number) =>
          Math.abs((first.data[i + channel] ?? 0) - (second.data[i + channel] ?? 0));
        if (step(0) + step(1) + step(2) <= 24) continue;
        differing++;
        x += (i / 4) % first.width;
        y += Math.floor(i / 4 / first.width);
      }
      return { share: differing / (first.data.length / 4), x: x / differing, y: y / differing };
    },
    [a.toString('base64'), b.toString('base64')],
  );
}

/** Share of pixels [0..1] that differ visibly between two PNG pictures of one size. */
export async function difference(page: Page, a: Buffer, b: Buffer): Promise<number> {
  return (await changes(page, a, b)).share;
}

/** The middle of the pixels that differ visibly. */
export async function changedCentre(
  page: Page,
  a: Buffer,
  b: Buffer,
): Promise<{ x: number; y: number }> {
  const { x, y } = await changes(page, a, b);
  return { x, y };
}
