import type { Batch } from './broker.ts';
import { batchGivenUp, batchNotFound, staleBatchLease } from './consumer-refusals.ts';
import type { Consumers } from './consumers.ts';
import { type CutBatch, deliverBatch, stepOfBatchId } from './cut-batch.ts';
import {
  ackRank,
  giveBack,
  handOut,
  isFree,
  isSameDelivery,
  type LeasedDelivery,
  type LeaseKey,
  renew,
} from './delivery.ts';
import type { FinishedBatches } from './finished-batches.ts';
import { type Consumer, isFinished, laneOf, type OpenBatch } from './open-batch.ts';
import type { OpenBatches } from './open-batches.ts';

export type Handed =
  | { readonly kind: 'batch'; readonly batch: Batch }
  /** This rank is done with its consumer's batch, and others are not. */
  | { readonly kind: 'wait_for_ranks' }
  /** It may be damaged: nobody is handed it before it is checked. */
  | { readonly kind: 'unsure'; readonly cut: CutBatch }
  /** All open batches are with others or done: a new one may be cut. */
  | { readonly kind: 'none' };

/**
 * Who holds which delivery of the open batches. A call may say which one it is of: one of a delivery that
 * is over changes nothing about the next.
 */
export class BatchLeases {
  readonly #leaseMs: number;
  readonly #consumers: Consumers;
  readonly #open: OpenBatches;
  readonly #finished: FinishedBatches;
  readonly #lastStep: () => number;

  constructor(
    rooms: {
      readonly consumers: Consumers;
      readonly open: OpenBatches;
      readonly finished: FinishedBatches;
      /** Of the batch that was cut last. */
      readonly lastStep: () => number;
    },
    leaseMs: number,
  ) {
    this.#leaseMs = leaseMs;
    this.#consumers = rooms.consumers;
    this.#open = rooms.open;
    this.#finished = rooms.finished;
    this.#lastStep = rooms.lastStep;
  }

  /** What there is for this rank without cutting. */
  hand(consumerId: string, rank: number, nowMs: number): Handed {
    const consumer = this.#consumers.get(consumerId, rank);
    const lane = laneOf(consumer);
    const expiresMs = nowMs + this.#leaseMs;
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

  extend(key: LeaseKey, nowMs: number): void {
    const consumer = this.#consumers.get(key.consumerId, key.rank);
    const open = this.#openOf(key);
    const lane = laneOf(consumer);
    const delivery = open.lanes.get(lane);
    const kept = delivery && renew(delivery, consumer.id, nowMs + this.#leaseMs);
    if (kept === undefined || !isSameDelivery(kept, key.delivery)) {
      throw staleBatchLease(key, delivery);
    }
    open.lanes.set(lane, kept);
  }

  /**
   * `finished` is the batch when this ack was the last that it needed from anyone. An ack of a delivery
   * before the one that is out is refused; once the consumer is done with the batch, any of its acks
   * is one more of that.
   */
  ack(
    key: LeaseKey,
    nowMs: number,
  ): { readonly complete: boolean; readonly finished: CutBatch | undefined } {
    const consumer = this.#consumers.get(key.consumerId, key.rank);
    const open = this.#open.at(stepOfBatchId(key.batchId) ?? 0);
    if (open === undefined) {
      if (!this.#wasCut(key.batchId)) throw batchNotFound(key.batchId);
      const done = this.#finished.get(stepOfBatchId(key.batchId) ?? 0);
      const mine = done?.lanes.find(({ holder }) => holder === consumer.id);
      // Who was done with it before stays so.
      if (done?.givenUp !== undefined && mine?.kind !== 'done') throw batchGivenUp(key.batchId);
      if (done !== undefined && mine === undefined) throw staleBatchLease(key, undefined);
      return { complete: true, finished: undefined };
    }
    const lane = laneOf(consumer);
    const delivery = open.lanes.get(lane);
    if (delivery === undefined || delivery.kind === 'ready' || delivery.holder !== consumer.id) {
      throw staleBatchLease(key, delivery);
    }
    if (delivery.kind === 'done') return { complete: true, finished: undefined };
    if (!isSameDelivery(delivery, key.delivery)) throw staleBatchLease(key, delivery);
    const after = ackRank(delivery, key.rank, consumer.worldSize, nowMs + this.#leaseMs);
    this.#open.move(open, lane, after);
    if (after.kind !== 'done') return { complete: false, finished: undefined };
    const finished = isFinished(open);
    if (finished) this.#finished.add(this.#open.close(open));
    return { complete: true, finished: finished ? open.cut : undefined };
  }

  /** False when there was nothing to give back: it is not held, which a repeated nack leaves. */
  nack(key: LeaseKey): boolean {
    const consumer = this.#consumers.get(key.consumerId, key.rank);
    const open = this.#openOf(key);
    const lane = laneOf(consumer);
    const delivery = open.lanes.get(lane);
    if (delivery?.kind === 'ready') return false;
    const isHolder = delivery?.kind === 'leased' && delivery.holder === consumer.id;
    if (!isHolder || !isSameDelivery(delivery, key.delivery)) {
      throw staleBatchLease(key, delivery);
    }
    this.#open.move(open, lane, giveBack(delivery));
    return true;
  }

  /** Throws for one that is not open. */
  #openOf(key: LeaseKey): OpenBatch {
    const open = this.#open.at(stepOfBatchId(key.batchId) ?? 0);
    if (open !== undefined) return open;
    if (!this.#wasCut(key.batchId)) throw batchNotFound(key.batchId);
    const givenUp = this.#finished.get(stepOfBatchId(key.batchId) ?? 0)?.givenUp;
    throw givenUp === undefined ? staleBatchLease(key, undefined) : batchGivenUp(key.batchId);
  }

  #deliver(open: OpenBatch, lane: string, delivery: LeasedDelivery, consumer: Consumer): Handed {
    const { cut } = open;
    if (cut.groups.some(({ payload }) => payload.state !== 'whole')) return { kind: 'unsure', cut };
    const { worldSize } = consumer;
    const terms = { worldSize, delivery: delivery.deliveries, leaseMs: this.#leaseMs };
    const batch = deliverBatch(cut, terms);
    this.#open.move(open, lane, delivery);
    return { kind: 'batch', batch };
  }

  #wasCut(batchId: string): boolean {
    const step = stepOfBatchId(batchId);
    return step !== undefined && step <= this.#lastStep();
  }
}
