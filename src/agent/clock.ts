/** Where the loop takes time from; tests give one that they move by hand. */
export interface Clock {
  /** Milliseconds that only grow. */
  now(): number;
  /** Calls `run` once, `delayMs` from now; the function returned calls it off. */
  schedule(delayMs: number, run: () => void): () => void;
}

/** Beyond it (24.8 days) Node's timers fire at once. */
const MAX_TIMER_MS = 2_147_483_647;

export const systemClock: Clock = Object.freeze({
  now: () => performance.now(),
  schedule(delayMs: number, run: () => void) {
    const timer = setTimeout(run, Math.min(delayMs, MAX_TIMER_MS));
    return () => clearTimeout(timer);
  },
});

/** Resolves after `delayMs`; rejects with the signal's reason as soon as it fires. */
export function sleep(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = (): void => {
      cancel();
      reject(signal.reason);
    };
    const cancel = clock.schedule(delayMs, () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

/**
 * Settles as `work` does, or rejects with the signal's reason `graceMs` after it fired: enough for
 * work that heeds the signal to end in its own way, and no more for work that doesn't.
 */
export function untilAborted<T>(
  work: Promise<T>,
  options: { readonly clock: Clock; readonly graceMs: number; readonly signal: AbortSignal },
): Promise<T> {
  const { clock, graceMs, signal } = options;
  return new Promise((resolve, reject) => {
    let cancel = (): void => {};
    const giveUp = (): void => reject(signal.reason);
    const onAbort = (): void => {
      if (graceMs > 0) cancel = clock.schedule(graceMs, giveUp);
      else giveUp();
    };
    work.then(resolve, reject).finally(() => {
      cancel();
      signal.removeEventListener('abort', onAbort);
    });
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}
