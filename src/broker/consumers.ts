import { invalidInput } from '../errors.ts';
import {
  consumerHoldsBatch,
  consumerModeDiffers,
  consumerNotRegistered,
  consumerUnregistered,
} from './consumer-refusals.ts';
import type { ConsumerRecord } from './journal/records.ts';
import type { RunJournal } from './journal/run-journal.ts';
import type { Consumer } from './open-batch.ts';
import { Presence } from './presence.ts';
import { limitReached } from './refusals.ts';

/** A consumer that was taken out of its run. */
interface Gone {
  readonly consumer: Consumer;
  /** The step that it stood at. */
  readonly step: number;
}

/**
 * The consumers of a run, in the order of registering last, and as many of those that were taken away:
 * one that comes back is told so, and joins again only when it says that it knows.
 */
export class Consumers {
  readonly presence = new Presence();
  readonly #max: number;
  readonly #journal: RunJournal;
  readonly #byId = new Map<string, Consumer>();
  readonly #gone = new Map<string, Gone>();

  constructor(max: number, journal: RunJournal, restored: readonly ConsumerRecord[] = []) {
    this.#max = max;
    this.#journal = journal;
    for (const { goneAtStep, ...consumer } of restored) {
      if (goneAtStep === undefined) this.#byId.set(consumer.id, consumer);
      else this.#gone.set(consumer.id, { consumer, step: goneAtStep });
    }
  }

  find(id: string): Consumer | undefined {
    return this.#byId.get(id);
  }

  get size(): number {
    return this.#byId.size;
  }

  [Symbol.iterator](): Iterator<Consumer> {
    return this.#byId.values();
  }

  /** Whether others than `id` compete. */
  competes(id: string): boolean {
    for (const other of this.#byId.values()) {
      if (other.id !== id && other.mode === 'compete') return true;
    }
    return false;
  }

  /**
   * Idempotent; returns what it was registered as before. Another mode is refused, and another world size
   * while it holds a batch; and one that was taken away, unless it says `rejoin`. `busy` are those
   * that hold any.
   */
  register(
    consumer: Consumer,
    options: {
      readonly heldBatchId: string | undefined;
      readonly busy: ReadonlySet<string>;
      readonly rejoin: boolean;
    },
  ): Consumer | undefined {
    const { heldBatchId, busy, rejoin } = options;
    const known = this.#byId.get(consumer.id);
    if (known !== undefined && known.mode !== consumer.mode) {
      throw consumerModeDiffers(consumer.id, known.mode);
    }
    const gone = this.#gone.get(consumer.id);
    if (gone !== undefined && !rejoin) throw consumerUnregistered(consumer.id, gone.step);
    if (known === undefined) this.#makeRoom(consumer, busy);
    else if (known.worldSize !== consumer.worldSize && heldBatchId !== undefined) {
      throw consumerHoldsBatch(consumer.id, known.worldSize, heldBatchId);
    }
    this.#gone.delete(consumer.id);
    this.#byId.delete(consumer.id);
    this.#byId.set(consumer.id, consumer);
    this.#journal.consumer(consumer);
    return known;
  }

  get(id: string, rank = 0): Consumer {
    const consumer = this.#byId.get(id);
    if (consumer === undefined) throw this.#absent(id);
    if (!Number.isInteger(rank) || rank < 0 || rank >= consumer.worldSize) {
      throw invalidInput(
        'rank',
        `is ${rank}; consumer "${id}" has ranks 0 to ${consumer.worldSize - 1}.`,
      );
    }
    return consumer;
  }

  /** It was heard. */
  saw(id: string, nowMs: number): void {
    if (this.#byId.has(id)) this.presence.saw(id, nowMs);
  }

  /** Throws for one that never was, or was taken away so long ago that it is forgotten. */
  assertKnown(id: string): void {
    if (!this.#byId.has(id) && !this.#gone.has(id)) throw consumerNotRegistered(id);
  }

  /** It is a consumer no more. */
  takeAway(consumer: Consumer, step: number): void {
    const { id } = consumer;
    this.#forget(id);
    this.#gone.set(id, { consumer, step });
    this.#journal.consumer({ ...consumer, goneAtStep: step });
    if (this.#gone.size <= this.#max) return;
    const [oldest] = this.#gone.keys();
    this.#gone.delete(oldest!);
    this.#journal.consumerGone(oldest!);
  }

  #absent(id: string): Error {
    const gone = this.#gone.get(id);
    return gone === undefined ? consumerNotRegistered(id) : consumerUnregistered(id, gone.step);
  }

  #forget(id: string): void {
    this.#byId.delete(id);
    this.presence.forget(id);
  }

  /**
   * Forgets the competing consumer registered longest ago that holds nothing, when there are too many.
   * Not the last of them for one that does not compete: what is theirs would be nobody's.
   */
  #makeRoom(newcomer: Consumer, busy: ReadonlySet<string>): void {
    if (this.#byId.size < this.#max) return;
    for (const { id, mode } of this.#byId.values()) {
      if (mode !== 'compete' || busy.has(id)) continue;
      if (newcomer.mode !== 'compete' && !this.competes(id)) continue;
      this.#forget(id);
      this.#journal.consumerGone(id);
      return;
    }
    throw limitReached('consumers of this run', this.#max);
  }
}
