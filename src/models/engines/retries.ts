import { type Clock, sleep, systemClock } from '../../async/index.ts';
import { LachesisError } from '../../errors.ts';
import { isUnanswered } from './http-errors.ts';

export interface RetryOptions {
  /** Most repeats of one call. Default: 2; 0 for none. */
  readonly perCall?: number;
  /** Repeats that all calls together may make, as a share of the calls. Default: 0.1. */
  readonly share?: number;
  /** Repeats that may be saved up. Default: 10. */
  readonly burst?: number;
  /** The first pause where the server names none; it doubles. Default: 250 ms. */
  readonly pauseMs?: number;
  /** Longest pause that is waited for; a longer one is the caller's. Default: 10 s. */
  readonly maxPauseMs?: number;
}

/**
 * Repeats calls that were refused before they began, within a budget: an engine that is down is not
 * asked three times as often as one that is up. A call whose answer began is never repeated, since
 * what it sampled would be sampled again.
 */
export class Retries {
  readonly #options: Required<RetryOptions>;
  readonly #clock: Clock;
  #saved: number;

  constructor(options: RetryOptions = {}, clock: Clock = systemClock) {
    this.#options = {
      perCall: 2,
      share: 0.1,
      burst: 10,
      pauseMs: 250,
      maxPauseMs: 10_000,
      ...options,
    };
    this.#saved = this.#options.burst;
    this.#clock = clock;
  }

  /** `attempt` is told how often it was made before; it has ended, and closed its connection, when it is made again. */
  async run<Value>(
    signal: AbortSignal,
    attempt: (repeats: number) => Promise<Value>,
  ): Promise<Value> {
    const { perCall, share, burst, pauseMs, maxPauseMs } = this.#options;
    this.#saved = Math.min(burst, this.#saved + share);
    for (let repeats = 0; ; repeats++) {
      try {
        return await attempt(repeats);
      } catch (thrown) {
        signal.throwIfAborted();
        if (!(thrown instanceof LachesisError) || !isUnanswered(thrown)) throw thrown;
        const wait = thrown.retryAfterMs || pauseMs * 2 ** repeats;
        if (repeats >= perCall || this.#saved < 1 || wait > maxPauseMs) throw thrown;
        this.#saved -= 1;
        await sleep(wait, { signal, clock: this.#clock });
      }
    }
  }
}
