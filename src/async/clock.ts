/** Where waits take their time from; tests give one that they move by hand. */
export interface Clock {
  /** Milliseconds that only grow. */
  now(): number;
  /** Calls `run` once, `delayMs` from now; the function returned calls it off. */
  schedule(delayMs: number, run: () => void): () => void;
}

/** Beyond it (24.8 days) Node's timers fire at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** The machine's monotonic time. A delay beyond what timers can hold becomes the longest they can. */
export const systemClock: Clock = Object.freeze({
  now: () => performance.now(),
  schedule(delayMs: number, run: () => void) {
    const timer = setTimeout(run, Math.min(delayMs, MAX_TIMER_MS));
    return () => clearTimeout(timer);
  },
});
