import { createHash } from 'node:crypto';
import type { Rollout, Task } from '../../contract/index.ts';
import { clipText, errorMessage } from '../../errors.ts';
import type { JsonValue } from '../../messages.ts';
import type { TaskInput } from '../environment.ts';
import { callHook, partDeadline } from './hooks.ts';
import type { PlayOptions } from './options.ts';

/** Most tasks of one group's backlog. */
export const MAX_BACKLOG_TASKS = 64;
/** Longest key of a task; of a longer one that we make, the middle is a hash. */
const MAX_KEY = 200;
const TIMEOUT_MS = 10_000;

/**
 * The tasks that the environment wants to be played next, given a group; keys that are left out become
 * `<task>/1`, `<task>/2`, and so does the split of the task. A hook that throws, hangs or answers
 * something else costs no reward: what is wrong is told to `onWarning`, and the other tasks are kept.
 */
export async function backlogOf(
  options: PlayOptions,
  task: Task,
  rollouts: readonly Rollout[],
): Promise<readonly Task[]> {
  const { definition, name, settings } = options.environment;
  const { backlog } = definition;
  // A group without a reward is played again or given up, and nothing follows from it.
  const isScored = rollouts.some(({ outcome }) => outcome.kind === 'scored');
  if (backlog === undefined || !isScored || options.signal.aborted) return [];
  const warn = (problem: string): void =>
    options.onWarning?.(`The backlog of environment \`${name}\` ${problem}`);
  using deadline = partDeadline({
    name: 'The backlog',
    reason: 'BACKLOG_TIMEOUT',
    timeoutMs: TIMEOUT_MS,
    remedy: 'Do costly work in the reward instead.',
    signal: options.signal,
  });
  try {
    const given: unknown = await callHook(() => backlog({ task, rollouts, settings }), deadline);
    if (!Array.isArray(given)) throw new Error('it gave no list of tasks.');
    if (given.length > MAX_BACKLOG_TASKS) {
      warn(`gave ${given.length} tasks; the first ${MAX_BACKLOG_TASKS} are taken.`);
    }
    return usable(given.slice(0, MAX_BACKLOG_TASKS), task, warn);
  } catch (error) {
    warn(`failed: ${errorMessage(error)}`);
    return [];
  }
}

function usable(
  given: readonly (TaskInput<unknown> | null | undefined)[],
  parent: Task,
  warn: (problem: string) => void,
): readonly Task[] {
  const tasks = new Map<string, Task>();
  given.forEach((input, place) => {
    const leftOut = (why: string): void => warn(`gave a task ${place} that is left out: ${why}.`);
    if (typeof input !== 'object' || input === null || !('data' in input)) {
      leftOut('it has no data; write { data: ... }');
      return;
    }
    const { key = childKey(parent.key, place), split = parent.split } = input;
    const problem = dataProblem(input.data);
    if (typeof key !== 'string' || key === '' || key.length > MAX_KEY) {
      leftOut(`its key is ${clipText(String(key), 50)}; 1 to ${MAX_KEY} characters are needed`);
    } else if (typeof split !== 'string') leftOut('its split is no text');
    else if (tasks.has(key)) leftOut(`it has the key \`${key}\`, as another has`);
    else if (problem !== undefined) leftOut(problem);
    else tasks.set(key, Object.freeze({ key, split, data: input.data as JsonValue }));
  });
  return [...tasks.values()];
}

/** Keys of a chain that goes on and on keep one length. */
function childKey(parent: string, place: number): string {
  const key = `${parent}/${place + 1}`;
  if (key.length <= MAX_KEY) return key;
  const hash = createHash('sha256').update(parent).digest('hex').slice(0, 16);
  return `${parent.slice(0, 100)}~${hash}/${place + 1}`;
}

/** Why data would not arrive as it is; undefined when it would. */
function dataProblem(data: unknown): string | undefined {
  try {
    JSON.stringify(data, function (this: Record<string, unknown>, key, value: unknown) {
      // Before `toJSON` changed it, as it does a date.
      const whole = this[key];
      const isPlain =
        whole === null ||
        ['string', 'boolean'].includes(typeof whole) ||
        (typeof whole === 'number' && Number.isFinite(whole)) ||
        Array.isArray(whole) ||
        (typeof whole === 'object' &&
          [Object.prototype, null].includes(Object.getPrototypeOf(whole)));
      if (!isPlain) throw new Error(`its data holds ${describe(whole)}, which is no JSON`);
      return value;
    });
    return undefined;
  } catch (error) {
    return error instanceof TypeError || error instanceof RangeError
      ? 'its data is in a circle, or too deep'
      : errorMessage(error);
  }
}

function describe(value: unknown): string {
  if (typeof value === 'object') return `a ${value?.constructor?.name ?? 'class'}`;
  return typeof value === 'number' ? String(value) : `a ${typeof value}`;
}
