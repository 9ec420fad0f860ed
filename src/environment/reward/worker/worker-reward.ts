import { availableParallelism } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { MAX_TIMER_MS } from '../../../async/index.ts';
import { invalidInput } from '../../../errors.ts';
import type { RewardContext, RewardValue } from '../../environment.ts';
import { RewardPool, type RewardPoolOptions } from './reward-pool.ts';

export interface WorkerRewardOptions {
  /** Most threads, each with one call at a time. Default: the cores but one, from 1 to 4. */
  readonly threads?: number;
  /** Of one call, once its thread has loaded the module. Default: 30 s; `rewardTimeoutMs` holds too. */
  readonly timeoutMs?: number;
  /** Of loading the module in a thread. Default: 30 s, or `timeoutMs` if that is more. */
  readonly loadTimeoutMs?: number;
  /** Of the heap of one thread, at least 16. Default: 512. */
  readonly maxOldGenerationMb?: number;
  /** Most calls that wait for a thread; one more is refused as resource_exhausted. Default: 16,384. */
  readonly maxWaiting?: number;
}

/** An environment's `reward`, and the owner of its threads. */
export interface WorkerReward extends AsyncDisposable {
  (context: RewardContext): Promise<RewardValue>;
}

/**
 * A reward function that runs in threads: the default export of `module`, a file URL or a path from
 * the working directory, is called there with a `WorkerRewardInput`, a structured clone of the
 * context without its signal. Costly or endless code in it holds up nothing else: when its time is
 * over or the signal fires, its thread is ended, and another takes its place.
 *
 * Fails as environment_error, never as a score: REWARD_WORKER_TIMEOUT, REWARD_INPUT_NOT_CLONEABLE,
 * REWARD_VALUE_NOT_CLONEABLE, REWARD_MODULE_LOAD (kept, unless it was loaded before: later calls fail
 * alike at once), REWARD_MODULE_LOAD_TIMEOUT, REWARD_WORKER_OUT_OF_MEMORY, REWARD_WORKER_DIED; what
 * the module throws is thrown here. Threads start at the first use, and idle ones don't hold the
 * process; disposing ends them. A thread is no sandbox.
 */
export function workerReward(
  module: URL | string,
  options: WorkerRewardOptions = {},
): WorkerReward {
  const pool = new RewardPool(resolve(module, options));
  const reward = async (context: RewardContext): Promise<RewardValue> => {
    const { task, state, settings, result, finalText, signal } = context;
    // Whether it is a reward at all is asked where every reward is.
    return (await pool.run({ task, state, settings, result, finalText }, signal)) as RewardValue;
  };
  return Object.assign(reward, {
    [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose](),
  });
}

function resolve(module: URL | string, options: WorkerRewardOptions): RewardPoolOptions {
  const {
    threads = Math.min(4, Math.max(1, availableParallelism() - 1)),
    timeoutMs = 30_000,
    loadTimeoutMs = Math.max(30_000, timeoutMs),
    maxOldGenerationMb = 512,
    maxWaiting = 16_384,
  } = options;
  const href = hrefOf(module);
  inRange('threads', threads, 1, 1024);
  inRange('timeoutMs', timeoutMs, 1, MAX_TIMER_MS);
  inRange('loadTimeoutMs', loadTimeoutMs, 1, MAX_TIMER_MS);
  // With less a thread can't even start, and V8 ends the whole process over it.
  inRange('maxOldGenerationMb', maxOldGenerationMb, 16, Number.MAX_SAFE_INTEGER);
  inRange('maxWaiting', maxWaiting, 0, Number.MAX_SAFE_INTEGER);
  return Object.freeze({
    href,
    threads,
    timeoutMs,
    loadTimeoutMs,
    maxOldGenerationMb,
    maxWaiting,
  });
}

/** The module's file URL; refused now if it can't be one, since a thread could not say it. */
function hrefOf(module: URL | string): string {
  if (!(module instanceof URL) && typeof module !== 'string') {
    throw invalidInput('module', `${typeof module} given; a file URL or a path is needed.`);
  }
  // A drive letter of Windows looks like a scheme of one letter.
  const isPath = typeof module === 'string' && !/^[a-z][a-z\d+.-]+:/i.test(module);
  try {
    const url = isPath ? pathToFileURL(path.resolve(module)) : new URL(module);
    fileURLToPath(url);
    return url.href;
  } catch (error) {
    throw invalidInput('module', `${module} is no file; a file URL or a path is needed.`, {
      remedy: "For a file beside this one, give new URL('./score.ts', import.meta.url).",
      cause: error,
    });
  }
}

function inRange(field: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw invalidInput(field, `${value} given; a whole number from ${min} to ${max} is needed.`);
}
