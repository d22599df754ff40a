/** Perceptually uniform ramps (viridis: van der Walt and Smith, 2015), lightness rising. */

export type Rgb = readonly [number, number, number];

const VIRIDIS: readonly Rgb[] = [
  [68, 1, 84],
  [72, 26, 108],
  [71, 47, 125],
  [65, 68, 135],
  [57, 86, 140],
  [49, 104, 142],
  [42, 120, 142],
  [35, 136, 142],
  [31, 152, 139],
  [34, 168, 132],
  [53, 183, 121],
  [84, 197, 104],
  [122, 209, 81],
  [165, 219, 54],
  [210, 226, 27],
  [253, 231, 37],
];

/** Diverging (vik: Crameri, 2018), both halves even in lightness: for residuals alone. */
const VIK: readonly Rgb[] = [
  [0, 18, 97],
  [3, 62, 125],
  [30, 111, 157],
  [113, 168, 196],
  [236, 229, 224],
  [211, 151, 116],
  [190, 101, 51],
  [139, 39, 6],
  [89, 0, 8],
];

/** Stops of the diverging ramp as CSS colours, from -1 to 1. */
export const DIVERGING: readonly { at: number; colour: string }[] = VIK.map((rgb, i) => ({
  at: (2 * i) / (VIK.length - 1) - 1,
  colour: `rgb(${rgb.join(', ')})`,
}));

/** Colour at t in [0, 1] of a ramp of equally spaced stops. */
function interpolate(stops: readonly Rgb[], t: number): Rgb {
  const at = Math.min(1, Math.max(0, t)) * (stops.length - 1);
  const low = Math.min(stops.length - 2, Math.floor(at));
  const a = stops[low] as Rgb;
  const b = stops[low + 1] as Rgb;
  const mix = (i: 0 | 1 | 2) => Math.round(a[i] + (b[i] - a[i]) * (at - low));
  return [mix(0), mix(1), mix(2)];
}

/**
 * Colour of a weight in [0, 1]: the largest weight stands out most, so on a light ground the ramp
 * runs towards dark.
 */
export function weightColour(t: number, scheme: 'light' | 'dark'): Rgb {
  return interpolate(VIRIDIS, scheme === 'dark' ? t : 1 - t);
}

/** Opacity of a weight in [0, 1]: what has no weight leaves the map free. */
export function weightOpacity(t: number): number {
  return Math.min(1, Math.max(0, t)) ** 0.6 * 0.9;
}
