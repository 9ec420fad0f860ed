import type { Clock } from '../../../src/broker/index.ts';

/** Time that passes only when told to, firing what is due in order. */
export class ManualClock implements Clock {
  #nowMs: number;
  readonly #timers = new Set<{ dueMs: number; callback: () => void }>();

  constructor(nowMs = 1_000) {
    this.#nowMs = nowMs;
  }

  /** Timers that have neither fired nor been disposed. */
  get timers(): number {
    return this.#timers.size;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, callback: () => void): Disposable {
    const timer = { dueMs: this.#nowMs + Math.max(delayMs, 0), callback };
    this.#timers.add(timer);
    return { [Symbol.dispose]: () => this.#timers.delete(timer) };
  }

  /** Moves time on; throws when a timer keeps firing without time passing. */
  advance(byMs: number): void {
    const endMs = this.#nowMs + byMs;
    for (let fired = 0; ; fired += 1) {
      if (fired > 10_000) throw new Error('a timer fires without end');
      const next = [...this.#timers]
        .filter(({ dueMs }) => dueMs <= endMs)
        .sort((one, other) => one.dueMs - other.dueMs)[0];
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.callback();
    }
    this.#nowMs = endMs;
  }
}
