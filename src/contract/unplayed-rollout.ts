import { type StopReason, unplayedResult } from '../agent/index.ts';
import { emptyLedger } from '../tokens/index.ts';
import type { Provenance, Rollout, RolloutFailure } from './rollout.ts';

/** A rollout that ended before its agent began: it has no tokens and no score, only its failure. */
export function unplayedRollout(
  rollout: Pick<Rollout, 'id' | 'groupId' | 'taskKey' | 'index'> & {
    readonly stopReason: StopReason;
    readonly failure: RolloutFailure;
    readonly provenance: Provenance;
    readonly timeMs: number;
  },
): Rollout {
  const { stopReason, failure, timeMs, ...rest } = rollout;
  return {
    ...rest,
    result: unplayedResult(stopReason, failure.message),
    outcome: { kind: 'not_scored', failure },
    segments: [],
    calls: [],
    ledger: emptyLedger(),
    startTimeMs: timeMs,
    endTimeMs: timeMs,
    metrics: {},
  };
}
