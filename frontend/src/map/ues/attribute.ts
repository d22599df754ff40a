/**
 * Flat arrays as deck.gl takes them. A new wrapper tells it that the content changed; the same one
 * stays on the graphics card.
 */
export interface Attribute {
  value: Float32Array | Uint8Array;
  size: number;
  normalized?: boolean;
}

/** Bytes are colours, from 0 to 1. */
export function attribute(value: Float32Array | Uint8Array, size: number): Attribute {
  return value instanceof Uint8Array ? { value, size, normalized: true } : { value, size };
}

export type Rgb = readonly [number, number, number];

export function hexRgb(hex: string): Rgb {
  const value = Number.parseInt(hex.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}
