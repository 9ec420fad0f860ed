import { BatchLeases } from './batch-leases.ts';
import { commitNeeded, stepNotAcked, stepNotKept } from './consumer-refusals.ts';
import { consumerStandings, heldBackBy, type StandingRooms } from './consumer-standing.ts';
import { Consumers } from './consumers.ts';
import type { CutBatch } from './cut-batch.ts';
import { type Delivery, giveBack, isFree, undelivered } from './delivery.ts';
import { FinishedBatches, type Repinned } from './finished-batches.ts';
import { heldBatches } from './held-batches.ts';
import { openBatchOf } from './journal/batch-record.ts';
import type { BatchRecord, ConsumerRecord } from './journal/records.ts';
import type { RunJournal } from './journal/run-journal.ts';
import { type Consumer, isFinished, isUntouched, laneOf, undeliveredOf } from './open-batch.ts';
import { OpenBatches } from './open-batches.ts';
import { reopenBatches } from './reopen-batches.ts';
import { type ConsumerStanding, type HeldBatch, type Shortened, shortened } from './run-detail.ts';

/** What a consumer leaves behind. */
export interface Leaving extends Repinned {
  /** False: it was taken away before. */
  readonly existed: boolean;
  /** Batches that it had still to do. */
  readonly released: number;
  /** Those that it alone had still to do: now all are done with them. */
  readonly finished: readonly CutBatch[];
}

export interface BatchLedgerOptions {
  readonly leaseMs: number;
  readonly maxOpenBatches: number;
  readonly maxConsumers: number;
  readonly maxUncommittedBatches: number;
  readonly journal: RunJournal;
  /** Of a group of the run, in its submit order. */
  readonly positionOf: (groupId: string) => number;
}

/** What a journal has of the batches that were open. */
export interface RestoredBatches {
  readonly lastStep: number;
  readonly consumers: readonly ConsumerRecord[];
  readonly done: readonly BatchRecord[];
  readonly committed: Readonly<Record<string, number>>;
  readonly open: readonly { readonly cut: CutBatch; readonly record: BatchRecord }[];
  readonly nowMs: number;
}

/**
 * The batches that were cut and are not fully acked, and who holds them. A batch is done when every
 * lane is: the competing consumers' (once one of them acked it on all ranks) and each fan-out one's.
 */
export class BatchLedger {
  readonly #options: BatchLedgerOptions;
  readonly #consumers: Consumers;
  readonly #open: OpenBatches;
  readonly finished: FinishedBatches;
  readonly leases: BatchLeases;
  #lastStep = 0;

  constructor(options: BatchLedgerOptions, restored?: RestoredBatches) {
    this.#options = options;
    this.#consumers = new Consumers(options.maxConsumers, options.journal, restored?.consumers);
    this.finished = new FinishedBatches(options, restored?.done, restored?.committed);
    this.#lastStep = restored?.lastStep ?? 0;
    const nowMs = restored?.nowMs ?? 0;
    const times = { nowMs, expiresMs: nowMs + options.leaseMs };
    this.#open = new OpenBatches(
      options,
      restored?.open.map(({ cut, record }) => openBatchOf(cut, record, times)),
    );
    const rooms = { consumers: this.#consumers, open: this.#open, finished: this.finished };
    this.leases = new BatchLeases({ ...rooms, lastStep: () => this.#lastStep }, options.leaseMs);
  }

  get lastStep(): number {
    return this.#lastStep;
  }

  /** Batches handed out and not fully acked. */
  get handedOut(): number {
    return this.#open.handedOut;
  }

  /** Batches that are not fully acked. */
  get open(): number {
    return this.#open.size;
  }

  held(nowMs: number): Shortened<HeldBatch> {
    // Who holds a batch whose lease is over may be forgotten already.
    const worldSizeOf = (consumerId: string) => this.#consumers.find(consumerId)?.worldSize ?? 0;
    return heldBatches(this.#open, worldSizeOf, nowMs);
  }

  /** How far each consumer is. */
  standings(nowMs: number): Shortened<ConsumerStanding> {
    const { size } = this.#consumers;
    return shortened(consumerStandings(this.#rooms, nowMs), size);
  }

  /** The consumers whose acks or commits the next batch waits for, but for the one that asks. */
  heldBackBy(consumerId: string, nowMs: number): readonly ConsumerStanding[] {
    if (this.canOpenMore) return [];
    return heldBackBy(this.#rooms, nowMs).filter((one) => one.consumerId !== consumerId);
  }

  /** Throws when a consumer that commits has not done so for too long. */
  assertRoom(nowMs: number): void {
    const { maxUncommittedBatches } = this.#options;
    if (this.finished.pinned < maxUncommittedBatches) return;
    const floor = this.finished.floor ?? 0;
    throw commitNeeded(maxUncommittedBatches, floor, heldBackBy(this.#rooms, nowMs));
  }

  /** The furthest step that a consumer is done with. */
  get furthestStep(): number {
    const lanes = new Set([...this.#consumers].map(laneOf));
    return Math.max(0, ...[...lanes].map((lane) => this.#stepOf(lane)));
  }

  get canOpenMore(): boolean {
    return this.#open.size < this.#options.maxOpenBatches;
  }

  /** The step that the next batch is for. */
  get nextStep(): number {
    return this.#lastStep + 1;
  }

  /** When the first live lease ends, after `nowMs`. */
  nextExpiryMs(nowMs: number): number | undefined {
    return this.#open.nextExpiryMs(nowMs);
  }

  /**
   * Idempotent. A new lane gets the open batches too. Another mode is refused, and so is another world
   * size while the consumer holds a batch: its ranks are at work on it. One whose lease is over is put
   * back. Who was taken away must say that it joins again.
   */
  register(
    consumer: Consumer,
    nowMs: number,
    rejoin = false,
  ): { readonly step: number; readonly committedStep: number | undefined } {
    const lane = laneOf(consumer);
    const held = [...this.#open].find(({ lanes }) => {
      const delivery = lanes.get(lane);
      return delivery?.kind === 'leased' && delivery.holder === consumer.id;
    });
    const delivery = held?.lanes.get(lane);
    const isHeld = delivery !== undefined && !isFree(delivery, nowMs);
    const heldBatchId = isHeld ? held?.cut.id : undefined;
    const busy = this.#open.holders(nowMs);
    const known = this.#consumers.register(consumer, { heldBatchId, busy, rejoin });
    for (const open of this.#open) {
      if (!open.lanes.has(lane)) this.#open.move(open, lane, undeliveredOf(open));
    }
    const isOther = known !== undefined && known.worldSize !== consumer.worldSize;
    if (isOther && held !== undefined && delivery?.kind === 'leased') {
      this.#open.move(held, lane, giveBack(delivery));
    }
    return { step: this.#stepOf(lane), committedStep: this.finished.committedBy(lane) };
  }

  /**
   * Takes a consumer out of the run: what it holds is free, and with the last of its lane nobody waits for
   * that lane any more. What is nobody's then stays open for who comes. Idempotent.
   */
  unregister(consumerId: string): Leaving {
    const consumer = this.#consumers.find(consumerId);
    if (consumer === undefined) {
      this.#consumers.assertKnown(consumerId);
      return { existed: false, released: 0, finished: [], freed: [], pinned: [] };
    }
    const lane = laneOf(consumer);
    const isLast = consumer.mode === 'fan_out' || !this.#consumers.competes(consumerId);
    this.#consumers.takeAway(consumer, this.#stepOf(lane));
    const finished: CutBatch[] = [];
    let released = 0;
    for (const open of [...this.#open]) {
      const delivery = open.lanes.get(lane);
      const isHolder = delivery?.kind === 'leased' && delivery.holder === consumerId;
      if (isLast && this.#open.leave(open, lane)) {
        released += 1;
        if (!isFinished(open)) continue;
        this.finished.add(this.#open.close(open));
        finished.push(open.cut);
      } else if (isHolder) {
        released += 1;
        this.#open.move(open, lane, giveBack(delivery));
      }
    }
    const none: Repinned = { freed: [], pinned: [] };
    return { existed: true, released, finished, ...(isLast ? this.finished.leave(lane) : none) };
  }

  /** Adds the batch just cut for `nextStep`; it is free for every lane. */
  add(cut: CutBatch, nowMs: number): void {
    this.#lastStep = cut.step;
    const lanes = new Map<string, Delivery>();
    for (const consumer of this.#consumers) lanes.set(laneOf(consumer), undelivered);
    this.#open.add({ cut, lanes, cutMs: nowMs, retired: 0 });
  }

  /**
   * Throws for a step that is not done, and for one that the lane could not go back to: `isKept` says whether
   * a finished batch's groups are all there.
   */
  commit(consumerId: string, step: number, isKept: (record: BatchRecord) => boolean): Repinned {
    const consumer = this.#consumers.get(consumerId);
    const lane = laneOf(consumer);
    const unfinished = [...this.#open]
      .filter(({ lanes }) => (lanes.get(lane)?.kind ?? 'done') !== 'done')
      .map(({ cut }) => cut.step)
      .find((at) => at <= step);
    if (step > this.#lastStep || unfinished !== undefined) {
      throw stepNotAcked(step, (unfinished ?? this.#lastStep + 1) - 1);
    }
    // What was done since its last commit is kept for it already.
    if (this.finished.committedBy(lane) === undefined) {
      for (let at = this.#lastStep; at > step; at--) {
        const record = this.finished.get(at);
        // One that was given up is gone back past.
        if (record?.givenUp !== undefined) continue;
        const isThere = record === undefined ? this.#open.at(at) !== undefined : isKept(record);
        if (!isThere) throw stepNotKept('commit', step, at);
      }
    }
    return this.finished.commit(lane, step);
  }

  /** Opens the batches after a step again for the consumer's lane, all or none. */
  rewind(
    { consumerId, step }: { readonly consumerId: string; readonly step: number },
    nowMs: number,
    recut: (record: BatchRecord) => CutBatch | undefined,
  ): { readonly batches: number; readonly cuts: readonly CutBatch[] } {
    const lane = laneOf(this.#consumers.get(consumerId));
    if (step > this.#lastStep) throw stepNotAcked(step, this.#lastStep);
    const reopened = reopenBatches(this.#rooms, { lane, step, nowMs }, recut);
    this.finished.wentBack(lane, step);
    return reopened;
  }

  /** Bytes of it are damaged. `uncut` when nobody ever had it: its step is free again. */
  giveUp(cut: CutBatch): 'uncut' | 'given_up' | 'closed' {
    const open = this.#open.at(cut.step);
    if (open?.cut !== cut) return 'closed';
    // While nobody had it, no other is cut.
    if (isUntouched(open) && cut.step === this.#lastStep) {
      this.#open.uncut(open);
      this.#lastStep -= 1;
      return 'uncut';
    }
    this.finished.add({ ...this.#open.close(open), givenUp: 'damaged' });
    return 'given_up';
  }

  /** A consumer was heard. */
  saw(consumerId: string, nowMs: number): void {
    this.#consumers.saw(consumerId, nowMs);
  }

  /** A consumer waits for a batch, until this is disposed of. */
  waits(consumerId: string, nowMs: () => number): Disposable {
    return this.#consumers.presence.waits(consumerId, nowMs);
  }

  get #rooms(): StandingRooms {
    const { maxOpenBatches, maxUncommittedBatches } = this.#options;
    return {
      ...{ consumers: this.#consumers, open: this.#open, finished: this.finished },
      ...{ lastStep: this.#lastStep, maxOpenBatches, maxUncommittedBatches },
    };
  }

  /** How far a lane is: of all that were cut, what is not left to it. */
  #stepOf(lane: string): number {
    return this.#lastStep - this.#open.leftOf(lane);
  }
}
