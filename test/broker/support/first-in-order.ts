/** What packing weighs of a group. */
export interface Packable {
  readonly id: string;
  readonly rows: number;
  readonly version: number;
}

/** Oldest version first, then as submitted. */
export function inTakingOrder<T extends Packable>(submitted: readonly T[]): readonly T[] {
  return submitted
    .map((group, index) => ({ group, index }))
    .sort((one, other) => one.group.version - other.group.version || one.index - other.index)
    .map(({ group }) => group);
}

/**
 * The reference for exact batches, by exhaustive search: each group in order is taken exactly when
 * later ones can still complete the batch.
 */
export function firstInOrder<T extends Packable>(
  ordered: readonly T[],
  target: number,
): readonly T[] | undefined {
  const hopeless = new Set<string>();
  const complete = (from: number, missing: number): T[] | undefined => {
    if (missing === 0) return [];
    const key = `${from}/${missing}`;
    if (hopeless.has(key)) return undefined;
    for (let index = from; index < ordered.length; index += 1) {
      const candidate = ordered[index]!;
      if (candidate.rows > missing) continue;
      const rest = complete(index + 1, missing - candidate.rows);
      if (rest !== undefined) return [candidate, ...rest];
    }
    hopeless.add(key);
    return undefined;
  };
  return complete(0, target);
}
