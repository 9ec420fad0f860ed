import { type Clock, systemClock } from './clock.ts';
import { FollowedController, onAbort } from './on-abort.ts';

/** A stretch of work that has an end: its signal fires with the outer signal's reason, or at the deadline. */
export interface Deadline extends Disposable {
  readonly signal: AbortSignal;
  /** True when the time ran out before the outer signal fired. */
  readonly expired: boolean;
}

export interface DeadlineOptions {
  /** Infinity: no deadline, only the outer signal. */
  readonly timeoutMs: number;
  /** Makes the reason with which the signal fires at the deadline. */
  readonly reason: () => unknown;
  readonly clock?: Clock;
  /** The outer signal. Default: none. */
  readonly signal?: AbortSignal | undefined;
}

/** Starts a deadline. Disposing of it gives its timer and its listener back; its signal then fires no more. */
export function startDeadline(options: DeadlineOptions): Deadline {
  const { timeoutMs, reason, clock = systemClock, signal: outer } = options;
  const controller = new FollowedController();
  let expired = false;
  const cancel = (): void => controller.abort(outer?.reason);
  const expire = (): void => {
    expired = !controller.signal.aborted;
    if (expired) controller.abort(reason());
  };
  if (outer?.aborted === true) cancel();
  const unfollow = outer === undefined || outer.aborted ? undefined : onAbort(outer, cancel);
  const callOff = timeoutMs === Infinity ? () => {} : clock.schedule(timeoutMs, expire);
  return {
    signal: controller.signal,
    get expired() {
      return expired;
    },
    [Symbol.dispose]() {
      callOff();
      unfollow?.();
    },
  };
}
