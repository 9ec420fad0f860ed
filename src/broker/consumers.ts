import { invalidInput } from '../errors.ts';
import type { ConsumerRecord } from './journal/records.ts';
import type { RunJournal } from './journal/run-journal.ts';
import type { Consumer } from './open-batch.ts';
import {
  consumerHoldsBatch,
  consumerModeDiffers,
  consumerNotRegistered,
  limitReached,
} from './refusals.ts';

/** The consumers of a run, in the order of registering last. */
export class Consumers {
  readonly #max: number;
  readonly #journal: RunJournal;
  readonly #byId = new Map<string, Consumer>();

  constructor(max: number, journal: RunJournal, restored: readonly ConsumerRecord[] = []) {
    this.#max = max;
    this.#journal = journal;
    for (const consumer of restored) this.#byId.set(consumer.id, consumer);
  }

  find(id: string): Consumer | undefined {
    return this.#byId.get(id);
  }

  [Symbol.iterator](): Iterator<Consumer> {
    return this.#byId.values();
  }

  /**
   * Idempotent; returns what it was registered as before. Another mode is refused, and another world size
   * while it holds a batch. `busy` are those that hold any.
   */
  register(
    consumer: Consumer,
    heldBatchId: string | undefined,
    busy: ReadonlySet<string>,
  ): Consumer | undefined {
    const known = this.#byId.get(consumer.id);
    if (known !== undefined && known.mode !== consumer.mode) {
      throw consumerModeDiffers(consumer.id, known.mode);
    }
    if (known === undefined) this.#makeRoom(busy);
    else if (known.worldSize !== consumer.worldSize && heldBatchId !== undefined) {
      throw consumerHoldsBatch(consumer.id, known.worldSize, heldBatchId);
    }
    this.#byId.delete(consumer.id);
    this.#byId.set(consumer.id, consumer);
    this.#journal.consumer(consumer);
    return known;
  }

  get(id: string, rank = 0): Consumer {
    const consumer = this.#byId.get(id);
    if (consumer === undefined) throw consumerNotRegistered(id);
    if (!Number.isInteger(rank) || rank < 0 || rank >= consumer.worldSize) {
      throw invalidInput(
        'rank',
        `is ${rank}; consumer "${id}" has ranks 0 to ${consumer.worldSize - 1}.`,
      );
    }
    return consumer;
  }

  /** Forgets the competing consumer registered longest ago that holds nothing, when there are too many. */
  #makeRoom(busy: ReadonlySet<string>): void {
    if (this.#byId.size < this.#max) return;
    for (const { id, mode } of this.#byId.values()) {
      if (mode !== 'compete' || busy.has(id)) continue;
      this.#byId.delete(id);
      this.#journal.consumerGone(id);
      return;
    }
    throw limitReached('consumers of this run', this.#max);
  }
}
