/**
 * Which rank each row goes to, balanced by tokens: longest row first, to the rank with the fewest
 * tokens so far (then the fewest rows, then the lowest). No two ranks differ by more than the longest row.
 * Depends on nothing but its arguments, so a batch handed out again is split the same way.
 * Source: Graham, Bounds on multiprocessing timing anomalies (1969), LPT rule.
 */
export function splitRanks(rowTokens: readonly number[], worldSize: number): readonly number[] {
  const ranks = new Array<number>(rowTokens.length).fill(0);
  if (worldSize <= 1) return ranks;
  const longestFirst = rowTokens.map((_, row) => row);
  longestFirst.sort((one, other) => rowTokens[other]! - rowTokens[one]! || one - other);
  const tokens = new Array<number>(worldSize).fill(0);
  const rows = new Array<number>(worldSize).fill(0);
  for (const row of longestFirst) {
    let least = 0;
    for (let rank = 1; rank < worldSize; rank += 1) {
      if ((tokens[rank]! - tokens[least]! || rows[rank]! - rows[least]!) < 0) least = rank;
    }
    ranks[row] = least;
    tokens[least] = tokens[least]! + rowTokens[row]!;
    rows[least] = rows[least]! + 1;
  }
  return ranks;
}
