import { type Assignment, rolloutIdsOf, taskKeyOf } from '../contract/index.ts';

/** Names a group of a run, or one outside of any. */
export interface GroupKey {
  readonly runId: string;
  readonly groupId: string;
}

/** Names a rollout of a run, or one outside of any. */
export interface RolloutKey {
  readonly runId: string;
  readonly rolloutId: string;
}

/** What rollouts are played for, as known before any event of theirs. */
export interface DispatchedGroup extends GroupKey {
  readonly environment: string;
  /** Empty while unknown. */
  readonly taskKey: string;
  /** From 1. */
  readonly attempt: number;
  /** By index. */
  readonly rolloutIds: readonly string[];
}

/** What an assignment's rollouts are played for, at one attempt. */
export function dispatchedGroup(assignment: Assignment, attempt = 1): DispatchedGroup {
  const { id, runId, environment } = assignment;
  const rolloutIds = rolloutIdsOf(assignment, attempt);
  const taskKey = taskKeyOf(assignment);
  return { groupId: id, runId, environment, taskKey, attempt, rolloutIds };
}

/** What is known of a dispatched rollout. */
export interface RolloutState {
  /** `waiting` until its first event, `finished` from its terminal one on. */
  readonly kind: 'waiting' | 'running' | 'finished';
  readonly rolloutId: string;
  readonly index: number;
  readonly group: DispatchedGroup;
  /** Of the last turn told; 0 before the first. */
  readonly lastTurn: number;
  /** Turns so far that were left untold. */
  readonly missedTurns: number;
}
