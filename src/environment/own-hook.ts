import { startDeadline, untilAborted } from '../async/index.ts';
import { errorMessage, LachesisError } from '../errors.ts';

const TIMEOUT_MS = 10_000;

export interface OwnHookOptions {
  /** How long the environment's own function may take. Default: 10 s. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Calls a function of an environment that belongs to no rollout. Rejects with an environment_error:
 * `<REASON>_THREW`, or `<REASON>_TIMEOUT` when it had not ended in time.
 */
export async function callOwnHook<Result>(
  hook: {
    /** The environment's. */
    readonly environment: string;
    /** As the definition names it: `checkpoint.save`. */
    readonly name: string;
    /** How its reasons begin: `CHECKPOINT`. */
    readonly reason: string;
    readonly run: () => Result | PromiseLike<Result>;
  },
  { timeoutMs = TIMEOUT_MS, signal }: OwnHookOptions = {},
): Promise<Result> {
  const subject = `The ${hook.name} of environment \`${hook.environment}\``;
  using deadline = startDeadline({
    timeoutMs,
    signal,
    reason: () =>
      new LachesisError(
        'environment_error',
        `${subject} had not ended after ${timeoutMs / 1_000} s.`,
        { reason: `${hook.reason}_TIMEOUT` },
      ),
  });
  deadline.signal.throwIfAborted();
  try {
    // Inside an async function, so that what it throws at once is a rejection too.
    return await untilAborted((async () => hook.run())(), { signal: deadline.signal });
  } catch (error) {
    if (deadline.signal.aborted && error === deadline.signal.reason) throw error;
    throw new LachesisError('environment_error', `${subject} threw: ${errorMessage(error)}`, {
      reason: `${hook.reason}_THREW`,
      cause: error,
    });
  }
}
