import { setImmediate as nextTurn } from 'node:timers/promises';

/** Work that is done in slices, one in a turn of the event loop and each as safe as it gets before the next. */
export class TurnByTurn implements Disposable {
  readonly #slice: () => boolean;
  readonly #settled: () => Promise<void>;
  #isRunning = false;
  #isOver = false;

  /** `slice` returns true when nothing is left; once `settled` rejects, nothing goes on. */
  constructor(slice: () => boolean, settled: () => Promise<void>) {
    this.#slice = slice;
    this.#settled = settled;
  }

  /** Does a slice at once, and the rest in turns of their own; nothing new where it runs already. */
  start(): void {
    if (this.#isOver || this.#isRunning || this.#slice()) return;
    this.#isRunning = true;
    void this.#rest();
  }

  /** Begins no further slice. */
  [Symbol.dispose](): void {
    this.#isOver = true;
  }

  async #rest(): Promise<void> {
    while (this.#isRunning) {
      try {
        await this.#settled();
      } catch {
        // Whoever calls next is told; what is left is done when the store is opened again.
        this.#isOver = true;
      }
      await nextTurn();
      this.#isRunning = !this.#isOver && !this.#slice();
    }
  }
}
