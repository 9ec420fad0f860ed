export interface BestOfOptions<Item> {
  /** How many. Default: 1. */
  readonly n?: number;
  /** Decides between equal scores; the higher wins, then the earlier. */
  readonly tieBreak?: (item: Item) => number;
}

/**
 * The best items by score, best first. An item whose score is undefined or NaN (not scored) is never
 * chosen, so there may be fewer than `n`.
 */
export function bestOfN<Item>(
  items: readonly Item[],
  score: (item: Item) => number | undefined,
  options: BestOfOptions<Item> = {},
): Item[] {
  const { n = 1, tieBreak = () => 0 } = options;
  return items
    .map((item) => ({ item, first: score(item) ?? Number.NaN, second: tieBreak(item) }))
    .filter(({ first }) => !Number.isNaN(first))
    .sort((a, b) => descending(a.first, b.first) || descending(a.second, b.second))
    .slice(0, Math.max(0, n))
    .map(({ item }) => item);
}

/** Not a difference, which is NaN between infinities. NaN goes last. */
function descending(a: number, b: number): number {
  if (a > b) return -1;
  if (b > a) return 1;
  return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
}
