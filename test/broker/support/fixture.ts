import {
  type Batch,
  type Broker,
  createMemoryBroker,
  type MemoryBrokerOptions,
  type NextBatch,
  type RunSettings,
} from '../../../src/broker/index.ts';
import { settings } from './groups.ts';
import { ManualClock } from './manual-clock.ts';

export const never = new AbortController().signal;

export interface Fixture {
  readonly clock: ManualClock;
  readonly broker: Broker;
  /** The next batch, or none, without waiting. */
  next(consumerId?: string, rank?: number): Promise<NextBatch>;
  /** The next batch, which must be there. */
  take(consumerId?: string, rank?: number): Promise<Batch>;
  ack(
    batch: Batch,
    consumerId?: string,
    rank?: number,
  ): Promise<{ complete: boolean; step: number }>;
}

/** A broker with one open run, `run`, at policy version 0, and one competing consumer, `trainer`. */
export async function openFixture(
  changes: Partial<RunSettings> = {},
  options: MemoryBrokerOptions & { readonly worldSize?: number } = {},
): Promise<Fixture> {
  const clock = new ManualClock();
  const { worldSize = 1, ...rest } = options;
  const broker = createMemoryBroker({
    clock,
    assignmentLeaseMs: 1_000,
    batchLeaseMs: 5_000,
    ...rest,
  });
  await broker.openRun('run', settings(changes), 0);
  await broker.registerConsumer({
    runId: 'run',
    consumerId: 'trainer',
    worldSize,
    mode: 'compete',
  });
  const next = (consumerId = 'trainer', rank = 0) =>
    broker.nextBatch({ runId: 'run', consumerId, rank, waitMs: 0, signal: never });
  return {
    clock,
    broker,
    next,
    async take(consumerId, rank) {
      const answer = await next(consumerId, rank);
      if (answer.kind === 'none') throw new Error(`no batch: ${answer.waiting} rows wait`);
      return answer.batch;
    },
    ack: (batch, consumerId = 'trainer', rank = 0) =>
      broker.ackBatch({ runId: 'run', consumerId, batchId: batch.id, rank }),
  };
}

export function idsOf(batch: Batch): readonly string[] {
  return batch.groups.map(({ id }) => id);
}
