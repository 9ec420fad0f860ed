/** Below this share of the largest reward's size, a spread is rounding noise and not a difference. */
const RELATIVE_NOISE = 1e-9;

export interface GroupAdvantageOptions {
  /** False: only the mean is taken away (as in Dr. GRPO). Default: true. */
  readonly divideByDeviation?: boolean;
}

/**
 * Advantages of a group's rewards: (reward - mean) / population standard deviation, the GRPO
 * baseline (Shao et al. 2024). An undefined reward (a rollout that was not scored) is in no mean and
 * has no advantage. All rewards equal gives zeros, never a division by rounding noise.
 */
export function groupAdvantages(
  rewards: readonly (number | undefined)[],
  options: GroupAdvantageOptions = {},
): (number | undefined)[] {
  const scored = rewards.filter((reward) => reward !== undefined);
  if (scored.length === 0) return rewards.map(() => undefined);
  const largest = Math.max(...scored.map(Math.abs));
  // Scaled first, so that squares of huge or tiny rewards neither overflow nor vanish;
  // by a power of two, which loses no bit.
  const scale = largest > 0 ? 2 ** Math.floor(Math.log2(largest)) : 1;
  const mean = meanOf(scored.map((reward) => reward / scale));
  const deviation = Math.sqrt(meanOf(scored.map((reward) => (reward / scale - mean) ** 2)));
  if (deviation <= RELATIVE_NOISE) {
    return rewards.map((reward) => (reward === undefined ? undefined : 0));
  }
  const factor = options.divideByDeviation === false ? scale : 1 / deviation;
  return rewards.map((reward) =>
    reward === undefined ? undefined : (reward / scale - mean) * factor,
  );
}

/** The mean, or NaN of none. */
export function meanOf(values: readonly number[]): number {
  return values.reduce(
    (sum, value) => sum + value / values.length,
    values.length === 0 ? Number.NaN : 0,
  );
}
