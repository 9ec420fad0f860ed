/** Where the broker's time comes from. `nowMs` never goes back; both are in milliseconds. */
export interface Clock {
  /** Since the Unix epoch. */
  nowMs(): number;
  /** Calls `callback` once, `delayMs` from now, unless disposed before. */
  after(delayMs: number, callback: () => void): Disposable;
}

/** The longest delay that Node's timers take; a longer one would fire at once. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;

/** The machine's time, read from its monotonic clock so that a changed wall clock expires no lease. */
export const systemClock: Clock = Object.freeze({
  nowMs: () => performance.timeOrigin + performance.now(),
  after(delayMs: number, callback: () => void): Disposable {
    const timer = setTimeout(callback, Math.min(Math.max(delayMs, 0), LONGEST_DELAY_MS));
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
});
