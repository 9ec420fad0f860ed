import type { KeyState, Waiter } from './slot.ts';

/** Who waits, in order of arrival. */
export class WaitList implements Iterable<Waiter> {
  readonly #waiters: Waiter[] = [];
  readonly #onCount: (key: KeyState) => void;

  /** `onCount`: more or fewer of the key wait. */
  constructor(onCount: (key: KeyState) => void) {
    this.#onCount = onCount;
  }

  get length(): number {
    return this.#waiters.length;
  }

  /** Takes its place by its number, also when it comes back. */
  add(waiter: Waiter): void {
    const at = this.#waiters.findLastIndex(({ number }) => number < waiter.number);
    this.#waiters.splice(at + 1, 0, waiter);
    waiter.key.waiting += 1;
    this.#onCount(waiter.key);
  }

  remove(waiter: Waiter): void {
    const at = this.#waiters.indexOf(waiter);
    if (at < 0) return;
    this.#waiters.splice(at, 1);
    waiter.key.waiting -= 1;
    this.#onCount(waiter.key);
  }

  /** Rejects those of a key, or all. */
  rejectAll(error: (waiter: Waiter) => unknown, key?: KeyState): void {
    const rejected = this.#waiters.filter((waiter) => key === undefined || waiter.key === key);
    for (const waiter of rejected) {
      this.remove(waiter);
      waiter.reject(error(waiter));
    }
  }

  [Symbol.iterator](): Iterator<Waiter> {
    return this.#waiters[Symbol.iterator]();
  }
}
