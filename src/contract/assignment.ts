import type { SamplingParameters } from '../messages.ts';
import type { Task } from './task.ts';

/** An order to play one task n times. Its group has the assignment's id, whatever the attempt. */
export interface Assignment {
  readonly id: string;
  /** Empty for play outside of any run. */
  readonly runId: string;
  readonly environment: string;
  readonly task:
    | { readonly kind: 'key'; readonly key: string }
    | { readonly kind: 'given'; readonly task: Task };
  /** At least 1. */
  readonly groupSize: number;
  readonly sampling: SamplingParameters;
  readonly limits: { readonly maxTurns?: number; readonly timeoutMs?: number };
  readonly seed?: number;
}

export function taskKeyOf({ task }: Pick<Assignment, 'task'>): string {
  return task.kind === 'key' ? task.key : task.task.key;
}

/**
 * The id of a group's rollout. A group that is played again keeps its id, and its rollouts get new
 * ones: an id stands for one attempt, with one ending.
 */
export function rolloutIdOf(groupId: string, index: number, attempt = 1): string {
  return attempt === 1 ? `${groupId}.${index}` : `${groupId}.${index}@${attempt}`;
}

/** The ids of an assignment's rollouts, by index; known before anyone plays it. */
export function rolloutIdsOf(
  { id, groupSize }: Pick<Assignment, 'id' | 'groupSize'>,
  attempt = 1,
): string[] {
  return Array.from({ length: groupSize }, (_, index) => rolloutIdOf(id, index, attempt));
}
