/** The middle value; of an even number of them, the upper one of the middle two. */
export function median(values: readonly number[]): number {
  const middle = [...values].sort((a, b) => a - b)[values.length >> 1];
  if (middle === undefined) throw new RangeError('there is no median of nothing');
  return middle;
}

/** The median of round-by-round ratios: what was measured side by side is compared side by side. */
export function medianRatio(values: readonly number[], base: readonly number[]): number {
  return median(values.map((value, round) => value / (base[round] ?? Number.NaN)));
}
