import type { Rollout, RolloutFailure } from '../../contract/index.ts';
import type { FailedRolloutsPolicy } from '../environment.ts';
import { ENDED_BY_TENANT } from './failure.ts';

/** The id of a rollout that is played for one that failed: an id stands for one attempt, with one ending. */
export function retryIdOf(rolloutId: string, retry: number): string {
  return `${rolloutId}+${retry}`;
}

/** The rollout for which, at whatever remove, one is played; itself where it is played for none. */
export function firstTryOf(rolloutId: string): string {
  return rolloutId.replace(/\+\d{1,3}$/, '');
}

/**
 * Whether another attempt may end better: what somebody ended is not begun again. Neither is what ended its own
 * sandbox, or a policy could learn to have its bad rollouts played anew.
 */
export function isWorthRetry({ outcome }: Rollout, signal: AbortSignal): boolean {
  if (outcome.kind === 'scored' || signal.aborted) return false;
  const { kind, reason } = outcome.failure;
  return kind !== 'cancelled' && reason !== ENDED_BY_TENANT;
}

/**
 * A group with fewer scored rollouts than its quorum is too small to compare them: none of them is
 * scored then. Those that failed keep their own failure, and the others are given the first one's kind.
 */
export function withQuorum(
  rollouts: readonly Rollout[],
  { quorum = 0 }: FailedRolloutsPolicy,
): readonly Rollout[] {
  const failures = rollouts.flatMap(({ outcome }) =>
    outcome.kind === 'not_scored' ? [outcome.failure] : [],
  );
  const scored = rollouts.length - failures.length;
  const [first] = failures;
  // Without a failure the whole group is there, however small it was ordered.
  if (first === undefined || scored === 0 || scored >= quorum) return rollouts;
  const failure: RolloutFailure = {
    kind: first.kind,
    reason: 'BELOW_QUORUM',
    message: `Only ${scored} of the group's ${rollouts.length} rollouts could be scored, and its quorum is ${quorum}; the first failure: ${first.message}`,
  };
  return rollouts.map((rollout) =>
    rollout.outcome.kind === 'scored'
      ? { ...rollout, outcome: { kind: 'not_scored', failure } }
      : rollout,
  );
}
