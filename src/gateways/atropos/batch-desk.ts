import { type Batch, type Broker, batchId } from '../../broker/index.ts';
import { errorMessage, LachesisError } from '../../errors.ts';
import type { Logger } from '../../telemetry/index.ts';

/** A batch that is on its way to a trainer. Exactly one of the two is called. */
export interface HeldBatch {
  readonly batch: Batch;
  /** Its answer was written out fully. */
  written(): Promise<void>;
  /** It was not: whoever asks next gets the same batch. */
  lost(): Promise<void>;
}

/**
 * Takes batches as a consumer of the broker. Atropos trainers have no names, so each answer being written
 * is a consumer of its own: two trainers that ask at once get different batches, and one that asks again
 * after its connection broke gets the same.
 */
export class BatchDesk {
  readonly #broker: Broker;
  readonly #logger: Logger;
  readonly #free: string[];
  readonly #consumers: readonly string[];
  #reclaimed: { readonly runId: string; readonly done: Promise<void> } | undefined;

  constructor(broker: Broker, logger: Logger, size: number) {
    this.#broker = broker;
    this.#logger = logger;
    this.#consumers = Array.from({ length: size }, (_, i) => `atropos-${size - 1 - i}`);
    this.#free = [...this.#consumers];
  }

  /** Undefined when no batch is to be had now. */
  async take(runId: string, signal: AbortSignal): Promise<HeldBatch | undefined> {
    const consumerId = this.#free.pop();
    if (consumerId === undefined) return undefined;
    const key = { runId, consumerId };
    try {
      await this.#reclaim(runId);
      // Nobody of that name left: one that was taken out of the run only is not in the way any more.
      const consumer = { ...key, worldSize: 1, mode: 'compete', rejoin: true } as const;
      await this.#broker.registerConsumer(consumer);
      const next = await this.#broker.nextBatch({ ...key, rank: 0, waitMs: 0, signal });
      if (next.kind === 'batch') return this.#hold(key, next.batch);
    } catch (error) {
      this.#free.push(consumerId);
      throw error;
    }
    this.#free.push(consumerId);
    return undefined;
  }

  /**
   * Batches that a process before this one was writing out are free again, as the first that are handed
   * out. It held them as the very consumers of this one, which hold nothing yet.
   */
  async #reclaim(runId: string): Promise<void> {
    if (this.#reclaimed?.runId !== runId) {
      this.#reclaimed = { runId, done: this.#giveBack(runId) };
    }
    const reclaimed = this.#reclaimed;
    try {
      await reclaimed.done;
    } catch (error) {
      if (this.#reclaimed === reclaimed) this.#reclaimed = undefined;
      throw error;
    }
  }

  async #giveBack(runId: string): Promise<void> {
    const { heldBatches } = await this.#broker.status(runId);
    for (const { consumerId, step, delivery } of heldBatches.first) {
      if (!this.#consumers.includes(consumerId)) continue;
      const lease = { runId, consumerId, batchId: batchId(step), rank: 0, delivery };
      await this.#broker.nackBatch({ ...lease, reason: 'the server that was writing it is gone' });
    }
  }

  #hold(key: { readonly runId: string; readonly consumerId: string }, batch: Batch): HeldBatch {
    const lease = { ...key, batchId: batch.id, rank: 0, delivery: batch.delivery };
    const extending = setInterval(
      () => {
        this.#broker.extendBatch(lease).catch((error: unknown) => this.#failed('extend', error));
      },
      Math.max(100, Math.floor(batch.leaseMs / 3)),
    );
    const end = async (how: 'ack' | 'give back', done: Promise<unknown>): Promise<void> => {
      clearInterval(extending);
      // Another consumer may have it already, when its lease ran out: it is not lost.
      await done.catch((error: unknown) => this.#failed(how, error));
      this.#free.push(key.consumerId);
    };
    return {
      batch,
      written: () => end('ack', this.#broker.ackBatch(lease)),
      lost: () =>
        end('give back', this.#broker.nackBatch({ ...lease, reason: 'its answer was not read' })),
    };
  }

  #failed(what: string, error: unknown): void {
    const known = error instanceof LachesisError;
    this.#logger.warn(`could not ${what} a batch`, {
      reason: known ? error.reason : errorMessage(error),
    });
  }
}
