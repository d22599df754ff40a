/**
 * Flat arrays for the graphics card: four times the same values for each object, one for every
 * corner of its quad. A new wrapper says that the content changed.
 */
export interface Attribute {
  value: Float32Array | Uint8Array;
}

/** Repeats the `size` values of each object for the four corners of its quad. */
export function fourfold<T extends Float32Array | Uint8Array>(values: T, size: number, into: T): T {
  let at = 0;
  for (let i = 0; i < values.length; i += size)
    for (let corner = 0; corner < 4; corner++)
      for (let k = 0; k < size; k++) into[at++] = values[i + k] ?? 0;
  return into;
}

/** Of `size` values for each object. */
export function attribute(values: Float32Array | Uint8Array, size: number): Attribute {
  return values instanceof Uint8Array
    ? { value: fourfold(values, size, new Uint8Array(4 * values.length)) }
    : { value: fourfold(values, size, new Float32Array(4 * values.length)) };
}

export type Rgb = readonly [number, number, number];

export function hexRgb(hex: string): Rgb {
  const value = Number.parseInt(hex.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}
