import { pause } from '../async/index.ts';
import type { Broker, SubmitOutcome, SubmittedGroup } from '../broker/index.ts';
import { LachesisError } from '../errors.ts';

/** Longest wait for a store that is busy or full, before whoever submits is told. */
const STORE_WAIT_MS = 60_000;
const DEFAULT_PAUSE_MS = 250;

/** Submits, waiting for the run to have room as long as it takes, and for its store a while. */
export async function storeGroup(
  broker: Broker,
  group: SubmittedGroup,
  signal: AbortSignal,
): Promise<SubmitOutcome> {
  for (let storeWaitMs = 0; ; ) {
    try {
      return await broker.submit(group);
    } catch (thrown) {
      if (!(thrown instanceof LachesisError) || thrown.kind !== 'resource_exhausted') throw thrown;
      if (thrown.reason.startsWith('QUEUE_')) {
        await broker.waitForRoom(group.runId, signal, group);
      } else {
        const pauseMs = thrown.retryAfterMs ?? DEFAULT_PAUSE_MS;
        storeWaitMs += pauseMs;
        if (storeWaitMs > STORE_WAIT_MS) throw thrown;
        await pause(pauseMs, signal);
      }
      signal.throwIfAborted();
    }
  }
}
