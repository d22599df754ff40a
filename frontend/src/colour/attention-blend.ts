/**
 * Mean attention over the chosen layers and heads; null blends all of them. The mean of weights
 * that each sum to 1 sums to 1.
 */
export function blendAttention(
  attention: readonly (readonly (readonly number[])[])[],
  layer: number | null,
  head: number | null,
): number[] {
  const layers = layer === null ? attention : attention.slice(layer, layer + 1);
  const maps = layers.flatMap((heads) => (head === null ? heads : heads.slice(head, head + 1)));
  const sum = new Array<number>(maps[0]?.length ?? 0).fill(0);
  for (const map of maps) {
    for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] ?? 0) + (map[i] ?? 0) / maps.length;
  }
  return sum;
}
