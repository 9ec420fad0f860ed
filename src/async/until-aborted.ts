import { type Clock, systemClock } from './clock.ts';
import { onAbort } from './on-abort.ts';

export interface UntilAbortedOptions<Value> {
  /**
   * How long after the signal fired the work may still end in its own way. Default: 0. Enough for
   * work that heeds the signal, and no more for work that doesn't.
   */
  readonly graceMs?: number;
  /** Is handed what abandoned work still brings, so that it can be given back. Default: it is dropped. */
  readonly onLate?: ((value: Value) => void) | undefined;
  /** Times the grace. Default: the system's. */
  readonly clock?: Clock;
  readonly signal: AbortSignal;
}

/**
 * Settles as `work` does, or rejects with the signal's reason once it has fired and the grace is
 * over. The work itself is not stopped; what it throws after that is nobody's.
 */
export function untilAborted<Value>(
  work: Promise<Value>,
  options: UntilAbortedOptions<Value>,
): Promise<Value> {
  const { graceMs = 0, onLate, clock = systemClock, signal } = options;
  return new Promise((resolve, reject) => {
    let isAbandoned = false;
    let callOff = (): void => {};
    const giveUp = (): void => {
      isAbandoned = true;
      reject(signal.reason);
    };
    const fired = (): void => {
      if (graceMs > 0) callOff = clock.schedule(graceMs, giveUp);
      else giveUp();
    };
    const ended = (): void => {
      callOff();
      unfollow?.();
    };
    work.then(
      (value) => {
        ended();
        if (isAbandoned) onLate?.(value);
        else resolve(value);
      },
      (error) => {
        ended();
        reject(error);
      },
    );
    const unfollow = signal.aborted ? undefined : onAbort(signal, fired);
    if (signal.aborted) fired();
  });
}
