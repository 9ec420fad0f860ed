/** A two-sided interval. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** The normal quantile of a two-sided 95 % interval. */
const Z = 1.959963984540054;

/**
 * The 95 % interval of a rate over so many independent trials (Wilson 1927): inside 0 to 1, and of
 * sensible width also at 0 and 1. For a mean of per-task rates `trials` is the number of tasks: a value
 * between 0 and 1 varies at most as much as a coin of the same mean, so the interval is, if anything,
 * too wide, and attempts at one task are not taken for independent ones. Undefined without trials.
 */
export function wilsonInterval(rate: number, trials: number): Interval | undefined {
  if (trials < 1) return undefined;
  const spread = (Z * Z) / trials;
  const centre = (rate + spread / 2) / (1 + spread);
  const half = (Z * Math.sqrt((rate * (1 - rate)) / trials + spread / (4 * trials))) / (1 + spread);
  // It holds the rate itself, where rounding would leave a trace.
  return {
    low: Math.min(rate, Math.max(0, centre - half)),
    high: Math.max(rate, Math.min(1, centre + half)),
  };
}

/**
 * The 95 % interval of a mean by the normal approximation, from the spread of independent values such
 * as tasks' mean rewards. Undefined for fewer than two, and where an end is no number any more.
 */
export function meanInterval(values: readonly number[]): Interval | undefined {
  if (values.length < 2) return undefined;
  // Scaled first, by a power of two, so that neither the squares nor the sum overflow.
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const scale = largest > 1 ? 2 ** Math.floor(Math.log2(largest)) : 1;
  const scaled = values.map((value) => value / scale);
  const mean = scaled.reduce((sum, value) => sum + value, 0) / scaled.length;
  const squares = scaled.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const half = Z * Math.sqrt(squares / (scaled.length - 1) / scaled.length);
  const [low, high] = [(mean - half) * scale, (mean + half) * scale];
  // Beyond the largest number there is no end to name.
  return Number.isFinite(low) && Number.isFinite(high) ? { low, high } : undefined;
}
