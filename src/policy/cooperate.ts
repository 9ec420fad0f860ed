import { setImmediate as nextTurn } from 'node:timers/promises';

/**
 * Runs a generator to its end in the event loop's spare time: after `budgetMs` of work the loop gets
 * a turn, so that aborts, heartbeats and other generations are not held up by a long computation.
 * @throws the signal's reason at the next pause after it fires.
 */
export async function runCooperatively<T>(
  work: Generator<void, T, void>,
  budgetMs: number,
  signal?: AbortSignal,
): Promise<T> {
  signal?.throwIfAborted();
  let resumedAt = performance.now();
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
    if (performance.now() - resumedAt < budgetMs) continue;
    await nextTurn();
    signal?.throwIfAborted();
    resumedAt = performance.now();
  }
}
