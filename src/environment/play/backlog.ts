import type { Rollout, Task } from '../../contract/index.ts';
import { errorMessage } from '../../errors.ts';
import type { TaskInput } from '../environment.ts';
import { taskOf } from '../tasks/array-source.ts';
import { callHook, partDeadline } from './hooks.ts';
import type { PlayOptions } from './options.ts';

/** Most tasks of one group's backlog. */
export const MAX_BACKLOG_TASKS = 64;
const TIMEOUT_MS = 60_000;

/**
 * The tasks that the environment wants to be played next, given a group; keys that are left out become
 * `<task>/1`, `<task>/2`. A hook that throws, hangs or answers something else costs no reward: it is
 * told to `onWarning`, and there is no backlog then.
 */
export async function backlogOf(
  options: PlayOptions,
  task: Task,
  rollouts: readonly Rollout[],
): Promise<readonly Task[]> {
  const { definition, name, settings } = options.environment;
  const { backlog } = definition;
  if (backlog === undefined || options.signal.aborted) return [];
  using deadline = partDeadline({
    name: 'The backlog',
    reason: 'BACKLOG_TIMEOUT',
    timeoutMs: TIMEOUT_MS,
    remedy: 'Do costly work in the reward instead.',
    signal: options.signal,
  });
  try {
    const given = await callHook(() => backlog({ task, rollouts, settings }), deadline);
    return tasksOf(given, task);
  } catch (error) {
    options.onWarning?.(`The backlog of environment \`${name}\` failed: ${errorMessage(error)}`);
    return [];
  }
}

function tasksOf(given: readonly TaskInput<unknown>[], { key }: Task): readonly Task[] {
  if (!Array.isArray(given) || given.length > MAX_BACKLOG_TASKS) {
    throw new Error(`a list of at most ${MAX_BACKLOG_TASKS} tasks is needed.`);
  }
  return given.map((input, place) => {
    if (input === null || typeof input !== 'object' || !('data' in input)) {
      throw new Error(`task ${place} has no data; write { data: ... }.`);
    }
    return taskOf({ key: `${key}/${place + 1}`, ...input }, place) as Task;
  });
}
