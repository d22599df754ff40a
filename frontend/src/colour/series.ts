/**
 * Colours of lines that stand for different things: Okabe and Ito (2008), told apart by people with
 * any common colour vision; black and yellow, which vanish on one of the two grounds, are replaced by
 * a grey and a violet.
 */
const SERIES = [
  '#d55e00',
  '#0072b2',
  '#009e73',
  '#cc79a7',
  '#56b4e9',
  '#e69f00',
  '#8a8f98',
  '#8b6fd0',
] as const;

export function seriesColour(index: number): string {
  return SERIES[index % SERIES.length] ?? SERIES[0];
}
