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
