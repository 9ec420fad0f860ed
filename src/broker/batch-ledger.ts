import type { LachesisError } from '../errors.ts';
import type { Batch } from './broker.ts';
import { Consumers } from './consumers.ts';
import { type CutBatch, deliverBatch, stepOfBatchId } from './cut-batch.ts';
import {
  ackRank,
  type Delivery,
  giveBack,
  handOut,
  isFree,
  type LeasedDelivery,
  renew,
  undelivered,
} from './delivery.ts';
import { FinishedBatches } from './finished-batches.ts';
import { heldBatches } from './held-batches.ts';
import { deliveryOf } from './journal/batch-record.ts';
import type { BatchRecord, ConsumerRecord, LaneRecord } from './journal/records.ts';
import type { RunJournal } from './journal/run-journal.ts';
import { type Consumer, isUntouched, laneOf, type OpenBatch } from './open-batch.ts';
import { OpenBatches } from './open-batches.ts';
import {
  batchGivenUp,
  batchNotFound,
  staleBatchLease,
  stepNotAcked,
  stepNotKept,
} from './refusals.ts';
import type { HeldBatch, Shortened } from './run-detail.ts';

export type Handed =
  | { readonly kind: 'batch'; readonly batch: Batch }
  /** This rank is done with its consumer's batch, and others are not. */
  | { readonly kind: 'wait_for_ranks' }
  /** It may be damaged: nobody is handed it before it is checked. */
  | { readonly kind: 'unsure'; readonly cut: CutBatch }
  /** All open batches are with others or done: a new one may be cut. */
  | { readonly kind: 'none' };

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
  readonly open: readonly { readonly cut: CutBatch; readonly lanes: readonly LaneRecord[] }[];
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
  #lastStep = 0;

  constructor(options: BatchLedgerOptions, restored?: RestoredBatches) {
    this.#options = options;
    this.#consumers = new Consumers(options.maxConsumers, options.journal, restored?.consumers);
    this.finished = new FinishedBatches(options, restored?.done, restored?.committed);
    this.#lastStep = restored?.lastStep ?? 0;
    const expiresMs = (restored?.nowMs ?? 0) + options.leaseMs;
    this.#open = new OpenBatches(
      options,
      restored?.open.map(({ cut, lanes }) => ({
        cut,
        lanes: new Map(lanes.map((lane) => [lane.lane, deliveryOf(lane, expiresMs)])),
      })),
    );
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
   * back.
   */
  register(consumer: Consumer, nowMs: number): void {
    const lane = laneOf(consumer);
    const held = [...this.#open].find(({ lanes }) => {
      const delivery = lanes.get(lane);
      return delivery?.kind === 'leased' && delivery.holder === consumer.id;
    });
    const delivery = held?.lanes.get(lane);
    const isHeld = delivery !== undefined && !isFree(delivery, nowMs);
    const busy = this.#open.holders(nowMs);
    const known = this.#consumers.register(consumer, isHeld ? held?.cut.id : undefined, busy);
    for (const open of this.#open) {
      if (!open.lanes.has(lane)) this.#open.move(open, lane, undelivered);
    }
    const isOther = known !== undefined && known.worldSize !== consumer.worldSize;
    if (isOther && held !== undefined && delivery?.kind === 'leased') {
      this.#open.move(held, lane, giveBack(delivery));
    }
  }

  /** What there is for this rank without cutting. */
  hand(consumerId: string, rank: number, nowMs: number): Handed {
    const consumer = this.#consumers.get(consumerId, rank);
    const lane = laneOf(consumer);
    const expiresMs = nowMs + this.#options.leaseMs;
    for (const open of this.#open) {
      const delivery = open.lanes.get(lane)!;
      if (isFree(delivery, nowMs)) continue;
      const kept = renew(delivery, consumerId, expiresMs);
      if (kept === undefined) continue;
      // Not kept: a rank that only waits would hold the batch of a dead one for as long as it asks.
      if (kept.acked.has(rank)) return { kind: 'wait_for_ranks' };
      return this.#deliver(open, lane, kept, consumer);
    }
    for (const open of this.#open) {
      const delivery = open.lanes.get(lane)!;
      if (delivery.kind === 'done' || !isFree(delivery, nowMs)) continue;
      return this.#deliver(open, lane, handOut(delivery, consumerId, expiresMs), consumer);
    }
    return { kind: 'none' };
  }

  /** Adds the batch just cut for `nextStep`; it is free for every lane. */
  add(cut: CutBatch): void {
    this.#lastStep = cut.step;
    const lanes = new Map<string, Delivery>();
    for (const consumer of this.#consumers) lanes.set(laneOf(consumer), undelivered);
    this.#open.add({ cut, lanes });
  }

  extend(consumerId: string, batchId: string, rank: number, nowMs: number): void {
    const consumer = this.#consumers.get(consumerId, rank);
    const open = this.#open.at(stepOfBatchId(batchId) ?? 0);
    const expiresMs = nowMs + this.#options.leaseMs;
    if (open === undefined) throw this.#notOpen(batchId, consumerId);
    const kept = renew(open.lanes.get(laneOf(consumer))!, consumerId, expiresMs);
    if (kept === undefined) throw staleBatchLease(batchId, consumerId);
    open.lanes.set(laneOf(consumer), kept);
  }

  /** `finished` is the batch when this ack was the last that it needed from anyone. */
  ack(
    consumerId: string,
    batchId: string,
    rank: number,
    nowMs: number,
  ): { readonly complete: boolean; readonly finished: CutBatch | undefined } {
    const consumer = this.#consumers.get(consumerId, rank);
    const open = this.#open.at(stepOfBatchId(batchId) ?? 0);
    if (open === undefined) {
      if (!this.#wasCut(batchId)) throw batchNotFound(batchId);
      if (this.#isGivenUp(batchId)) throw batchGivenUp(batchId);
      const done = this.finished.get(stepOfBatchId(batchId) ?? 0);
      if (done !== undefined && !done.lanes.some(({ holder }) => holder === consumerId)) {
        throw staleBatchLease(batchId, consumerId);
      }
      return { complete: true, finished: undefined };
    }
    const lane = laneOf(consumer);
    const delivery = open.lanes.get(lane)!;
    if (delivery.kind === 'ready' || delivery.holder !== consumerId) {
      throw staleBatchLease(batchId, consumerId);
    }
    if (delivery.kind === 'done') return { complete: true, finished: undefined };
    const after = ackRank(delivery, rank, consumer.worldSize, nowMs + this.#options.leaseMs);
    this.#open.move(open, lane, after);
    if (after.kind !== 'done') return { complete: false, finished: undefined };
    const finished = [...open.lanes.values()].every(({ kind }) => kind === 'done');
    if (finished) this.finished.add(this.#open.close(open));
    return { complete: true, finished: finished ? open.cut : undefined };
  }

  /** False when there was nothing to give back: it is not held, which a repeated nack leaves. */
  nack(consumerId: string, batchId: string, rank: number): boolean {
    const consumer = this.#consumers.get(consumerId, rank);
    const open = this.#open.at(stepOfBatchId(batchId) ?? 0);
    if (open === undefined) throw this.#notOpen(batchId, consumerId);
    const lane = laneOf(consumer);
    const delivery = open.lanes.get(lane)!;
    if (delivery.kind === 'ready') return false;
    if (delivery.kind === 'done' || delivery.holder !== consumerId) {
      throw staleBatchLease(batchId, consumerId);
    }
    this.#open.move(open, lane, giveBack(delivery));
    return true;
  }

  /** Throws for a step that is not done. Returns the batches that nobody needs to go back to any more. */
  commit(consumerId: string, step: number): readonly BatchRecord[] {
    const consumer = this.#consumers.get(consumerId);
    const lane = laneOf(consumer);
    const isDone = (at: number): boolean => {
      const kind = this.#open.at(at)?.lanes.get(lane)?.kind;
      return kind === undefined || kind === 'done';
    };
    const unfinished = [...this.#open]
      .map(({ cut }) => cut.step)
      .find((at) => at <= step && !isDone(at));
    if (step > this.#lastStep || unfinished !== undefined) {
      throw stepNotAcked(step, (unfinished ?? this.#lastStep + 1) - 1);
    }
    return this.finished.commit(lane, step);
  }

  /**
   * Opens the batches after a step again for the consumer's lane. All or none: throws when one of them
   * is not kept. `cuts` are those that were finished.
   */
  rewind(
    consumerId: string,
    step: number,
    recut: (record: BatchRecord) => CutBatch | undefined,
  ): { readonly batches: number; readonly cuts: readonly CutBatch[] } {
    const consumer = this.#consumers.get(consumerId);
    const lane = laneOf(consumer);
    if (step > this.#lastStep) throw stepNotAcked(step, this.#lastStep);
    const again: OpenBatch[] = [];
    for (let at = this.#lastStep; at > step; at--) {
      const open = this.#open.at(at);
      if (open !== undefined) {
        again.unshift(open);
        continue;
      }
      const record = this.finished.get(at);
      // The others come again without it.
      if (record?.givenUp !== undefined) continue;
      const cut = record && recut(record);
      if (record === undefined || cut === undefined) throw stepNotKept(step, at);
      const lanes = new Map(
        record.lanes.map((one): [string, Delivery] => [one.lane, deliveryOf(one, 0)]),
      );
      // Who came after the batch was done has no part in it, until it goes back to it by itself.
      for (const other of this.#consumers) {
        const absent = { kind: 'done', deliveries: 0, holder: '' } as const;
        if (!lanes.has(laneOf(other))) lanes.set(laneOf(other), absent);
      }
      again.unshift({ cut, lanes });
    }
    const cuts = again
      .filter(({ cut }) => this.#open.at(cut.step) === undefined)
      .map(({ cut }) => cut);
    for (const cut of cuts) this.finished.take(cut.step);
    this.#open.reopen(again);
    for (const open of again) {
      const { deliveries } = open.lanes.get(lane) ?? undelivered;
      this.#open.move(open, lane, { kind: 'ready', deliveries });
    }
    return { batches: again.length, cuts };
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

  #deliver(open: OpenBatch, lane: string, delivery: LeasedDelivery, consumer: Consumer): Handed {
    const { cut } = open;
    if (cut.groups.some(({ payload }) => payload.state !== 'whole')) return { kind: 'unsure', cut };
    const { worldSize } = consumer;
    const terms = { worldSize, delivery: delivery.deliveries, leaseMs: this.#options.leaseMs };
    const batch = deliverBatch(open.cut, terms);
    this.#open.move(open, lane, delivery);
    return { kind: 'batch', batch };
  }

  #notOpen(batchId: string, consumerId: string): LachesisError {
    if (!this.#wasCut(batchId)) return batchNotFound(batchId);
    if (this.#isGivenUp(batchId)) return batchGivenUp(batchId);
    return staleBatchLease(batchId, consumerId);
  }

  #isGivenUp(batchId: string): boolean {
    return this.finished.get(stepOfBatchId(batchId) ?? 0)?.givenUp !== undefined;
  }

  #wasCut(batchId: string): boolean {
    const step = stepOfBatchId(batchId);
    return step !== undefined && step <= this.#lastStep;
  }
}
