import { onAbort } from './on-abort.ts';

/** A place taken in a limiter; disposing of it gives it back. */
export type Place = Disposable;

/** At most `size` holders at a time; the rest wait in order. */
export class Limiter {
  readonly size: number;
  #held = 0;
  readonly #waiting: (() => void)[] = [];

  readonly #onFree: () => void;

  /** `onFree` is told when a place becomes free that nobody waits for. */
  constructor(size: number, onFree: () => void = () => {}) {
    this.size = size;
    this.#onFree = onFree;
  }

  /** Places that nobody holds or waits for. */
  get free(): number {
    return Math.max(0, this.size - this.#held - this.#waiting.length);
  }

  /** Waits for a place. Rejects with the signal's reason when that fires first. */
  async acquire(signal: AbortSignal): Promise<Place> {
    signal.throwIfAborted();
    if (this.#held < this.size) this.#held += 1;
    else await this.#turn(signal);
    let given = false;
    return {
      [Symbol.dispose]: () => {
        if (given) return;
        given = true;
        const next = this.#waiting.shift();
        // The place passes on directly, so that nobody who comes later can take it first.
        if (next !== undefined) {
          next();
          return;
        }
        this.#held -= 1;
        this.#onFree();
      },
    };
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const enter = (): void => {
        unfollow();
        resolve();
      };
      const unfollow = onAbort(signal, () => {
        this.#waiting.splice(this.#waiting.indexOf(enter), 1);
        reject(signal.reason);
      });
      this.#waiting.push(enter);
    });
  }
}
