import { weightColour, weightOpacity } from './ramps';

/** A quantity scaled to [0, 1] for display. */
export type Scaling = 'linear' | 'decades';

/** Decades below the maximum that a logarithmic scale still shows. */
export const SHOWN_DECADES = 3;

/** Where a value stands between nothing (0) and the largest value (1). */
export function scaled(value: number, max: number, scaling: Scaling): number {
  if (!(value > 0) || !(max > 0)) return 0;
  if (scaling === 'linear') return Math.min(1, value / max);
  return Math.min(1, Math.max(0, 1 + Math.log10(value / max) / SHOWN_DECADES));
}

/** RGBA bytes, top row = north, of a grid whose row 0 is the south edge. */
export function gridPixels(
  values: ArrayLike<number>,
  rows: number,
  columns: number,
  scaling: Scaling,
  scheme: 'light' | 'dark',
): Uint8ClampedArray<ArrayBuffer> {
  let max = 0;
  for (let i = 0; i < values.length; i++) max = Math.max(max, values[i] ?? 0);
  const pixels = new Uint8ClampedArray(rows * columns * 4);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const t = scaled(values[row * columns + column] ?? 0, max, scaling);
      const [red, green, blue] = weightColour(t, scheme);
      pixels.set(
        [red, green, blue, Math.round(255 * weightOpacity(t))],
        ((rows - 1 - row) * columns + column) * 4,
      );
    }
  }
  return pixels;
}

/** The grid as a PNG data URL for an image source. */
export function gridImageUrl(
  values: ArrayLike<number>,
  rows: number,
  columns: number,
  scaling: Scaling,
  scheme: 'light' | 'dark',
): string {
  const canvas = document.createElement('canvas');
  canvas.width = columns;
  canvas.height = rows;
  const pixels = gridPixels(values, rows, columns, scaling, scheme);
  canvas.getContext('2d')?.putImageData(new ImageData(pixels, columns, rows), 0, 0);
  return canvas.toDataURL('image/png');
}
