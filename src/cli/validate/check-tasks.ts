import type { Task } from '../../contract/index.ts';
import type { HostedEnvironment } from '../../environment/index.ts';
import { errorMessage } from '../../errors.ts';
import { type Check, checked, type Failure } from './check.ts';

/** Most tasks whose keys are compared. */
const MAX_KEYS = 1_000_000;

/**
 * Reads every task of a finite source (of an endless one, the sample), and takes the sample evenly
 * from all of them: each must have a key of its own, and be found by it.
 */
export async function checkTasks(
  { tasks }: HostedEnvironment,
  options: { readonly sample: number; readonly signal: AbortSignal },
): Promise<{ readonly check: Check; readonly sample: readonly Task[] }> {
  const { signal } = options;
  const most = Math.min(tasks.count ?? options.sample, MAX_KEYS);
  const stride = Math.max(1, Math.floor(most / options.sample));
  const sample: Task[] = [];
  const keys = new Set<string>();
  const failures: Failure[] = [];
  let read = 0;
  try {
    for await (const task of tasks.tasks({ signal })) {
      if (keys.has(task.key)) {
        failures.push({ subject: `task ${task.key}`, reason: 'another task has this key' });
      }
      keys.add(task.key);
      if (read % stride === 0 && sample.length < options.sample) sample.push(task);
      read += 1;
      if (read >= most) break;
    }
    for (const { key } of sample) {
      if ((await tasks.get(key)) !== undefined) continue;
      failures.push({ subject: `task ${key}`, reason: 'is not found by its key' });
    }
  } catch (error) {
    signal.throwIfAborted();
    failures.push({ subject: `task after ${read}`, reason: errorMessage(error) });
  }
  if (read === 0 && failures.length === 0) {
    failures.push({ subject: 'tasks', reason: 'there is none' });
  }
  const size = tasks.count === undefined ? `the first ${read} read` : `${read} read`;
  return { check: checked('tasks', `${size}, ${sample.length} played`, failures), sample };
}
