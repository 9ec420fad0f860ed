import { setImmediate as eventLoopTurn } from 'node:timers/promises';
import { vi } from 'vitest';

/** More turns than any episode takes; past it something waits for what never comes. */
const MAX_TURNS = 100_000;

/**
 * Runs `work` with timers that fire as soon as nothing else is left to do, in their order: an hour's
 * timeout takes no time, and a timer never beats what was ready before it. Not for work with real I/O.
 */
export async function underFakeTime<T>(work: () => Promise<T>): Promise<T> {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    let ended = false;
    const promise = work().finally(() => {
      ended = true;
    });
    promise.catch(() => {});
    for (let turn = 0; ; turn += 1) {
      await eventLoopTurn();
      if (ended) return await promise;
      if (turn > MAX_TURNS) throw new Error('the work never ended, with all its timers fired');
      if (vi.getTimerCount() > 0) vi.advanceTimersToNextTimer();
    }
  } finally {
    vi.useRealTimers();
  }
}
