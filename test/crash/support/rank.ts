import { createHash } from 'node:crypto';
import { pause } from '../../../src/async/index.ts';
import {
  Batch,
  type BatchConsumer,
  type LachesisClient,
  lachesisErrorOf,
} from '../../../src/client/index.ts';
import { crashClient, RUN } from './crash-client.ts';
import type { Delivered, RankEvent } from './evidence.ts';

export interface RankOptions {
  readonly rank: number;
  readonly worldSize: number;
  readonly port: number;
  readonly random: () => number;
  /** Of all ranks. */
  readonly events: RankEvent[];
  /** False: it only takes and acks, so that the queue gets empty. */
  readonly isRestless: () => boolean;
  readonly signal: AbortSignal;
}

/**
 * One rank of a trainer: takes batches, writes down what it got, and acks; at times it gives one back, or
 * dies with it. The first rank commits now and then, and at times goes back to what it committed.
 */
export async function train(options: RankOptions): Promise<void> {
  const { port, signal } = options;
  const checkpoint = { step: 0 };
  while (!signal.aborted) {
    await using client = crashClient(port);
    for (let isDead = false; !isDead && !signal.aborted; ) {
      try {
        await trainUntilDeath(client, checkpoint, options);
        isDead = true;
      } catch (error) {
        if (!isPassing(error)) throw error;
        await pause(30, signal);
      }
    }
  }
}

/** The last step that it committed. */
interface Checkpoint {
  step: number;
}

async function trainUntilDeath(
  client: LachesisClient,
  checkpoint: Checkpoint,
  { rank, worldSize, random, events, isRestless, signal }: RankOptions,
): Promise<void> {
  const consumer = await client.batches.register({
    ...{ runId: RUN, rank, worldSize, keepLeases: false, signal },
  });
  while (!signal.aborted) {
    const batch = await consumer.nextOrNone({ waitMs: 1_000, signal });
    if (!(batch instanceof Batch)) continue;
    events.push({ kind: 'delivered', ...deliveredOf(batch, rank) });
    const fate = isRestless() ? random() : 1;
    if (fate < 0.04) await batch.nack('a rank gave it back');
    // It dies: another process of the same rank comes in its stead, and gets the batch again.
    else if (fate < 0.08) return;
    else await finish(consumer, batch, checkpoint, { events, random, isRestless });
  }
}

async function finish(
  consumer: BatchConsumer,
  batch: Batch,
  checkpoint: Checkpoint,
  { events, random, isRestless }: Pick<RankOptions, 'events' | 'random' | 'isRestless'>,
): Promise<void> {
  const { rank } = consumer;
  const { step } = batch;
  const { complete } = await batch.ack();
  events.push({ kind: 'acked', rank, step, complete });
  if (!complete || rank !== 0) return;
  const fate = isRestless() ? random() : 1;
  if (fate < 0.3) {
    await consumer.commit(step);
    checkpoint.step = step;
  } else if (fate < 0.36 && checkpoint.step > 0) {
    events.push({ kind: 'rewinding', step: checkpoint.step });
    await consumer.rewind(checkpoint.step);
  }
}

function deliveredOf(batch: Batch, rank: number): Delivered {
  const rows = createHash('sha256');
  for (const { row } of batch.rows) {
    rows.update(row.tokenIds);
    rows.update(row.logprobs ?? new Float32Array(0));
  }
  return {
    rank,
    step: batch.step,
    batchId: batch.id,
    policyVersion: batch.policyVersion,
    delivery: batch.delivery,
    digest: Buffer.from(batch.digest).toString('hex'),
    groups: batch.groups.map(({ groupId, digest, rollouts }) => ({
      id: groupId,
      digest: Buffer.from(digest).toString('hex'),
      rows: rollouts.map(({ rolloutId }) => rolloutId),
    })),
    rows: batch.rows.map(({ rolloutId }) => rolloutId),
    rowsDigest: rows.digest('hex'),
  };
}

/** The server is away, or another has taken the rank's place. */
function isPassing(error: unknown): boolean {
  const kind = lachesisErrorOf(error)?.kind;
  return kind !== 'invalid_input' && kind !== 'internal';
}
