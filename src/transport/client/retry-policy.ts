/** When and how often a call is tried again. */
export interface RetryPolicy {
  /** Attempts in all, the first one included. */
  readonly maxAttempts: number;
  /** Upper bound of the first pause; each later one is `multiplier` times as long. */
  readonly initialMs: number;
  readonly maxMs: number;
  readonly multiplier: number;
}

export const DEFAULT_RETRY_POLICY: RetryPolicy = Object.freeze({
  maxAttempts: 5,
  initialMs: 100,
  maxMs: 5_000,
  multiplier: 2,
});

export interface RetryQuestion {
  /** Attempts that have failed, from 1. */
  readonly failedAttempts: number;
  /** In [0, 1); the caller's randomness. */
  readonly random: number;
  /** The server's own wish; negative means do not come back. */
  readonly pushbackMs?: number | undefined;
}

/**
 * The pause before the next attempt, undefined to give up. Pauses grow exponentially and are
 * drawn from their upper half, so that clients which failed together do not return together.
 */
export function retryDelayMs(policy: RetryPolicy, question: RetryQuestion): number | undefined {
  const { failedAttempts, random, pushbackMs } = question;
  if (failedAttempts >= policy.maxAttempts) return undefined;
  if (pushbackMs !== undefined) return pushbackMs < 0 ? undefined : pushbackMs;
  const grown = policy.initialMs * policy.multiplier ** (failedAttempts - 1);
  const bound = Math.min(policy.maxMs, grown);
  return bound * (0.5 + random / 2);
}
