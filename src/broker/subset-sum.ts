/** How many pieces there are of each size. */
export type SizeCounts = ReadonlyMap<number, number>;

/**
 * Whether some of the pieces make exactly `target`: the bounded knapsack's reachable sums as one
 * big integer, a bit per sum, with each size's count split into powers of two. The cost grows with
 * the sizes present and the target, never with the counts.
 */
export function isReachable(counts: SizeCounts, target: number): boolean {
  if (target === 0) return true;
  const mask = (1n << BigInt(target + 1)) - 1n;
  const wanted = 1n << BigInt(target);
  let sums = 1n;
  for (const [size, count] of counts) {
    if (size < 1 || size > target) continue;
    let left = Math.min(count, Math.floor(target / size));
    for (let pieces = 1; left > 0; pieces *= 2) {
      const taken = Math.min(pieces, left);
      sums = (sums | (sums << BigInt(taken * size))) & mask;
      left -= taken;
    }
    if ((sums & wanted) !== 0n) return true;
  }
  return false;
}
