import type { LossState, Span } from './segment.ts';

/**
 * Where every sampled token went. `sampled` comes from the engine's own log and the buckets from the
 * spans; none is computed by subtraction, so a disagreement is seen.
 */
export interface Ledger {
  readonly sampled: number;
  readonly trained: number;
  readonly contextOnly: number;
  readonly abandonedRetry: number;
  readonly realignedDrift: number;
  readonly droppedBranch: number;
  readonly overLength: number;
  readonly maskedByFailure: number;
  readonly notForTraining: number;
}

/** The bucket of a loss state; `not_sampled` has none. */
export type Bucket = keyof Omit<Ledger, 'sampled'>;

export const BUCKETS: readonly Bucket[] = Object.freeze([
  'trained',
  'contextOnly',
  'abandonedRetry',
  'realignedDrift',
  'droppedBranch',
  'overLength',
  'maskedByFailure',
  'notForTraining',
]);

const BUCKET_OF: Readonly<Record<LossState, Bucket | undefined>> = Object.freeze({
  not_sampled: undefined,
  trained: 'trained',
  context_only: 'contextOnly',
  abandoned_retry: 'abandonedRetry',
  realigned_drift: 'realignedDrift',
  dropped_branch: 'droppedBranch',
  over_length: 'overLength',
  masked_by_failure: 'maskedByFailure',
  not_for_training: 'notForTraining',
});

/** The bucket that a loss state counts in; undefined for tokens that were not sampled. */
export function bucketOf(loss: LossState): Bucket | undefined {
  return BUCKET_OF[loss];
}

export function emptyLedger(): Ledger {
  return {
    sampled: 0,
    trained: 0,
    contextOnly: 0,
    abandonedRetry: 0,
    realignedDrift: 0,
    droppedBranch: 0,
    overLength: 0,
    maskedByFailure: 0,
    notForTraining: 0,
  };
}

export function addLedgers(a: Ledger, b: Ledger): Ledger {
  const sum: Record<keyof Ledger, number> = { ...a };
  for (const key of Object.keys(sum) as (keyof Ledger)[]) sum[key] += b[key];
  return sum;
}

export function sumLedgers(ledgers: Iterable<Ledger>): Ledger {
  let sum = emptyLedger();
  for (const ledger of ledgers) sum = addLedgers(sum, ledger);
  return sum;
}

/** Sampled tokens less the sum of all buckets: 0 when the account balances. */
export function ledgerBalance(ledger: Ledger): number {
  return BUCKETS.reduce((rest, bucket) => rest - ledger[bucket], ledger.sampled);
}

/** Counts the sampled tokens of spans by their bucket; `sampled` is the engine's own count. */
export function ledgerOfSpans(spans: Iterable<Span>, sampled: number): Ledger {
  const ledger: Record<keyof Ledger, number> = { ...emptyLedger(), sampled };
  for (const span of spans) {
    const bucket = bucketOf(span.loss);
    if (bucket !== undefined) ledger[bucket] += span.length;
  }
  return ledger;
}
