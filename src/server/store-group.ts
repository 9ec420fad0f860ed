import type { Broker, SubmitOutcome, SubmittedGroup } from '../broker/index.ts';
import { LachesisError } from '../errors.ts';

/** Submits, waiting for room as long as it takes. */
export async function storeGroup(
  broker: Broker,
  group: SubmittedGroup,
  signal: AbortSignal,
): Promise<SubmitOutcome> {
  for (;;) {
    try {
      return await broker.submit(group);
    } catch (thrown) {
      if (!(thrown instanceof LachesisError) || thrown.kind !== 'resource_exhausted') throw thrown;
      await broker.waitForRoom(group.runId, signal, group);
      signal.throwIfAborted();
    }
  }
}
