import {
  type Ledger,
  type OverLength,
  type Row,
  settle,
  sumLedgers,
  type TrainingPolicy,
} from '../../tokens/index.ts';
import type { Group, Rollout } from '../rollout.ts';

/** The part of a run's settings that decides what of a group is trained. */
export interface GroupPolicy {
  readonly trainingPolicy: TrainingPolicy;
  /** What happens to a rollout that has no reward. */
  readonly failedRollouts: 'drop_rollout' | 'drop_group' | 'mask';
  /** 0 for any. */
  readonly maxRowTokens: number;
  /** What becomes of a longer row. Default: `truncate`. */
  readonly overLength?: OverLength;
}

/** Training policy for play outside of any run. */
export const NO_RUN_POLICY: GroupPolicy = Object.freeze({
  trainingPolicy: 'strict',
  failedRollouts: 'drop_rollout',
  maxRowTokens: 0,
});

export interface SettledRollout {
  /** Its segments' spans and its ledger are final. */
  readonly rollout: Rollout;
  readonly rows: readonly Row[];
  /** Kept by the run's policy although it failed: no row of it is trained. */
  readonly masked: boolean;
}

/** A group as it may be submitted, or why nothing of it may. */
export type SettledGroup =
  | {
      readonly kind: 'kept';
      readonly group: Group;
      readonly rollouts: readonly SettledRollout[];
      readonly dropped: readonly DroppedRollout[];
    }
  | {
      readonly kind: 'dropped';
      readonly reason: 'rollout_failed' | 'nothing_scored' | 'nothing_to_train' | 'over_length';
      readonly dropped: readonly DroppedRollout[];
    };

/** A rollout that leaves no trace in the group; its tokens are told so that they are counted somewhere. */
export interface DroppedRollout {
  readonly rolloutId: string;
  readonly failure: string;
  readonly ledger: Ledger;
}

/**
 * Settles one rollout under a policy: a failed one is never trained, whatever happens to it next.
 * Settling a settled rollout again changes nothing.
 */
export function settleRollout(
  rollout: Rollout,
  policy: Pick<GroupPolicy, 'trainingPolicy' | 'maxRowTokens' | 'overLength'>,
): { readonly rollout: Rollout; readonly rows: readonly Row[] } {
  const { segments, rows, ledger } = settle({
    rolloutId: rollout.id,
    segments: rollout.segments,
    calls: rollout.calls,
    sampledTokens: rollout.ledger.sampled,
    policy: policy.trainingPolicy,
    maxRowTokens: policy.maxRowTokens,
    overLength: policy.overLength ?? 'truncate',
    masked: rollout.outcome.kind === 'not_scored',
  });
  return { rollout: { ...rollout, segments, ledger }, rows };
}

/**
 * Applies a run's policies to a played group: which rollouts stay, which of their tokens are trained.
 * A group without a single scored rollout has nothing to teach and is dropped, and so is one whose
 * tokens give no row. One that never had tokens (a direct model played it) stays, as transcripts.
 */
export function settleGroup(group: Group, policy: GroupPolicy): SettledGroup {
  const settled = group.rollouts.map(
    (rollout): SettledRollout => ({
      ...settleRollout(rollout, policy),
      masked: rollout.outcome.kind === 'not_scored',
    }),
  );
  const failed = settled.filter(({ masked }) => masked);
  if (failed.length === settled.length) {
    return { kind: 'dropped', reason: 'nothing_scored', dropped: settled.map(droppedOf) };
  }
  if (failed.length > 0 && policy.failedRollouts === 'drop_group') {
    return { kind: 'dropped', reason: 'rollout_failed', dropped: settled.map(droppedOf) };
  }
  const keepFailed = policy.failedRollouts === 'mask';
  const rollouts = keepFailed ? settled : settled.filter(({ masked }) => !masked);
  const hasTokens = rollouts.some(({ rollout }) => rollout.segments.length > 0);
  if (hasTokens && rollouts.every(({ rows }) => rows.length === 0)) {
    const isTooLong = rollouts.some(({ rollout }) => rollout.ledger.overLength > 0);
    const reason = isTooLong ? 'over_length' : 'nothing_to_train';
    return { kind: 'dropped', reason, dropped: settled.map(droppedOf) };
  }
  return {
    kind: 'kept',
    group: {
      ...group,
      trainingPolicy: policy.trainingPolicy,
      rollouts: rollouts.map(({ rollout }) => rollout),
    },
    rollouts,
    dropped: keepFailed ? [] : failed.map(droppedOf),
  };
}

/** Sum of the ledgers of all rollouts of a settled group. */
export function ledgerOfRollouts(rollouts: readonly SettledRollout[]): Ledger {
  return sumLedgers(rollouts.map(({ rollout }) => rollout.ledger));
}

function droppedOf({ rollout }: SettledRollout): DroppedRollout {
  const { outcome } = rollout;
  return {
    rolloutId: rollout.id,
    failure: outcome.kind === 'scored' ? 'GROUP_DROPPED' : outcome.failure.reason,
    ledger: rollout.ledger,
  };
}
