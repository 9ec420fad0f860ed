import { type Clock, systemClock } from './clock.ts';
import { type Ending, type Follower, follow, unfollow } from './followers.ts';

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
  /** A signal, or a deadline. */
  readonly signal: Ending;
}

/**
 * Settles as `work` does, or rejects with the signal's reason once it has fired and the grace is
 * over. The work itself is not stopped; what it throws after that is nobody's.
 */
export function untilAborted<Value>(
  work: PromiseLike<Value>,
  options: UntilAbortedOptions<Value>,
): Promise<Value> {
  return new Promise((resolve, reject) => {
    const wait = new Wait(options, reject);
    work.then(
      (value) => {
        if (wait.ended()) options.onLate?.(value);
        else resolve(value);
      },
      (error) => {
        wait.ended();
        reject(error);
      },
    );
    if (options.signal.aborted) wait.fired();
    else follow(options.signal, wait);
  });
}

/** One wait; an object and not closures, since a rollout waits at every step. */
class Wait implements Follower {
  readonly #options: Omit<UntilAbortedOptions<never>, 'onLate'>;
  readonly #reject: (reason: unknown) => void;
  #callOff: (() => void) | undefined;
  #isAbandoned = false;

  constructor(
    options: Omit<UntilAbortedOptions<never>, 'onLate'>,
    reject: (reason: unknown) => void,
  ) {
    this.#options = options;
    this.#reject = reject;
  }

  fired(): void {
    const { graceMs = 0, clock = systemClock } = this.#options;
    if (graceMs > 0) this.#callOff = clock.schedule(graceMs, () => this.#giveUp());
    else this.#giveUp();
  }

  /** The work did; true when nobody waits for it any more. */
  ended(): boolean {
    this.#callOff?.();
    unfollow(this.#options.signal, this);
    return this.#isAbandoned;
  }

  #giveUp(): void {
    this.#isAbandoned = true;
    this.#reject(this.#options.signal.reason);
  }
}
