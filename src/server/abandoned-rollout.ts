import { failureOf, NO_RENDERING, type Rollout, unplayedRollout } from '../contract/index.ts';
import type { LachesisError } from '../errors.ts';
import type { RolloutState } from './rollout-state.ts';

/** The ending of a rollout that nobody played to its end: cancelled before it began, or its worker is gone. */
export function abandonedRollout(
  { rolloutId, index, group }: RolloutState,
  error: LachesisError,
  nowMs: number,
): Rollout {
  return unplayedRollout({
    id: rolloutId,
    groupId: group.groupId,
    taskKey: group.taskKey,
    index,
    stopReason: error.kind === 'cancelled' ? 'cancelled' : 'infrastructure_error',
    failure: failureOf(error),
    provenance: {
      environment: group.environment,
      environmentVersion: '',
      verifierVersion: '',
      model: '',
      sampling: {},
      rendering: NO_RENDERING,
      isolation: 'none',
      workerId: '',
      logprobMode: '',
    },
    timeMs: nowMs,
  });
}
