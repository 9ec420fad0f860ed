import { createHash } from 'node:crypto';
import {
  canonicalJson,
  type Rollout,
  rolloutIdOf,
  type Task,
  taskToProto,
} from '../../contract/index.ts';
import { type HostedEnvironment, tasksOfSplit } from '../../environment/index.ts';
import { invalidInput } from '../../errors.ts';

/**
 * A row is one attempt at one task: environment, task key, the hash of the task's data, and the number
 * of the attempt. Its name stands in the rollout's id, so a rollout file says by itself which rows it
 * has, and a task whose data changed under the same key is another row.
 */
export interface TaskRows {
  readonly task: Task;
  /** Names the task's rows; the rollouts' `group_id`. */
  readonly groupId: string;
  /** In the selection, from 0. */
  readonly position: number;
}

export interface TaskSelection {
  /** Empty for all. */
  readonly split: string;
  /** Undefined for all; refused for an endless source. */
  readonly maxTasks: number | undefined;
}

/** The chosen tasks in their order. Throws an invalid_input for an endless source without a limit. */
export async function* selectTasks(
  environment: HostedEnvironment,
  { split, maxTasks }: TaskSelection,
  signal: AbortSignal,
): AsyncGenerator<TaskRows> {
  const { tasks, name } = environment;
  if (maxTasks === undefined && tasks.count === undefined) {
    throw invalidInput('--tasks', `must be a number; ${name} does not say how many tasks it has.`);
  }
  let position = 0;
  for await (const task of tasksOfSplit(environment, split, { signal })) {
    yield { task, groupId: groupIdOf(name, task), position };
    position += 1;
    // Checked after a task, so that none is asked for in vain: making one may be dear.
    if (position === maxTasks) return;
  }
}

/** Equal for equal environment, key and data, whatever the order of the data's keys. */
export function groupIdOf(environment: string, task: Task): string {
  const identity = canonicalJson([environment, task.key, taskToProto(task).contentSha256]);
  return `task-${createHash('sha256').update(identity).digest('hex').slice(0, 32)}`;
}

/** A row's name; the id of its rollout, less which play of it that was. */
export function rowIdOf({ groupId, index }: Pick<Rollout, 'groupId' | 'index'>): string {
  return rolloutIdOf(groupId, index);
}

/** Which play of its row a rollout is, from 1: a row that failed is played again under a new id. */
export function playOf(rolloutId: string): number {
  return Number(/@(\d+)$/.exec(rolloutId)?.[1] ?? 1);
}
