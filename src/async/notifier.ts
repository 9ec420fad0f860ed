import { systemClock } from './clock.ts';
import { onAbort } from './on-abort.ts';

/**
 * Wakes whoever waits for a change. It carries no value: the waiter looks at the state itself, so a
 * slow one holds nothing up and nothing is queued for it.
 */
export class Notifier {
  #waiters = new Set<() => void>();
  #version = 0;

  /** Rises at every notify: read before looking at the state, it closes the gap before the wait. */
  get version(): number {
    return this.#version;
  }

  notify(): void {
    this.#version += 1;
    const waiters = this.#waiters;
    this.#waiters = new Set();
    for (const wake of waiters) wake();
  }

  /**
   * Resolves at the next notify after `since` (default: now), at `timeoutMs`, or when `signal` fires.
   * It never rejects.
   */
  async wait(options: {
    readonly since?: number;
    readonly timeoutMs?: number;
    readonly signal?: AbortSignal | undefined;
  }): Promise<'notified' | 'timeout' | 'aborted'> {
    const { signal, timeoutMs } = options;
    if (signal?.aborted === true) return 'aborted';
    if (options.since !== undefined && options.since !== this.#version) return 'notified';
    const woken = Promise.withResolvers<'notified' | 'timeout' | 'aborted'>();
    const onNotify = (): void => woken.resolve('notified');
    this.#waiters.add(onNotify);
    const unfollow = signal && onAbort(signal, () => woken.resolve('aborted'));
    const onTimeout = (): void => woken.resolve('timeout');
    const callOff =
      timeoutMs === undefined ? undefined : systemClock.schedule(timeoutMs, onTimeout);
    try {
      return await woken.promise;
    } finally {
      callOff?.();
      unfollow?.();
      this.#waiters.delete(onNotify);
    }
  }
}
