import {
  type Deadline,
  type Ending,
  isThenable,
  startDeadline,
  untilAborted,
} from '../../async/index.ts';
import { LachesisError } from '../../errors.ts';

/** The deadline of one part of a rollout: its signal fires with a `deadline_exceeded` of this reason. */
export function partDeadline(part: {
  /** As the message names it: `The reward function`. */
  readonly name: string;
  readonly reason: string;
  readonly timeoutMs: number;
  readonly remedy: string;
  readonly signal?: AbortSignal;
}): Deadline {
  const { name, reason, timeoutMs, remedy, signal } = part;
  return startDeadline({
    timeoutMs,
    reason: () =>
      new LachesisError('deadline_exceeded', `${name} took longer than ${timeoutMs} ms.`, {
        reason,
        remedy,
      }),
    signal,
  });
}

/**
 * Calls a function of the environment's author, and waits no longer than the signal allows: code
 * that ignores its signal must not hold a rollout. What it still brings then goes to `onLate`.
 */
export async function callHook<Value>(
  hook: () => Value | Promise<Value>,
  options: { readonly onLate?: (value: Value) => void; readonly signal: Ending },
): Promise<Value> {
  if (options.signal.aborted) throw options.signal.reason;
  const given = hook();
  return isThenable(given) ? await untilAborted(given, options) : given;
}
