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

/**
 * The most pieces from the front of `sizes` that the rest of `counts` can complete to `missing`. What
 * completes a longer front completes a shorter one, so steps back from the whole front, each twice the
 * last, and then halving find it: what is looked at near the whole front has little left to complete.
 */
export function longestCompletable(
  sizes: readonly number[],
  counts: SizeCounts,
  missing: number,
): number {
  const front = new Front(sizes, counts, missing);
  let known = 0;
  let above = sizes.length + 1;
  for (let step = 1, length = sizes.length; length > 0; length -= step, step *= 2) {
    if (front.isCompletable(length)) {
      known = length;
      break;
    }
    above = length;
  }
  while (above - known > 1) {
    const middle = (known + above) >> 1;
    if (front.isCompletable(middle)) known = middle;
    else above = middle;
  }
  return known;
}

/** So many pieces from the front of `sizes`, and what is left beside them. */
class Front {
  readonly #sizes: readonly number[];
  readonly #rest: Map<number, number>;
  #left: number;
  #length = 0;
  /** Sizes of which the front has more than there are. */
  #short = 0;

  constructor(sizes: readonly number[], counts: SizeCounts, missing: number) {
    this.#sizes = sizes;
    this.#rest = new Map(counts);
    this.#left = missing;
  }

  isCompletable(length: number): boolean {
    for (; this.#length < length; this.#length += 1) this.#move(this.#sizes[this.#length]!, -1);
    for (; this.#length > length; this.#length -= 1) this.#move(this.#sizes[this.#length - 1]!, 1);
    return this.#short === 0 && this.#left >= 0 && isReachable(this.#rest, this.#left);
  }

  #move(size: number, pieces: 1 | -1): void {
    const before = this.#rest.get(size) ?? 0;
    const after = before + pieces;
    this.#rest.set(size, after);
    this.#left += pieces * size;
    this.#short += Number(after < 0) - Number(before < 0);
  }
}
