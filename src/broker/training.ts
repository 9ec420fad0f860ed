import type { BatchLedger } from './batch-ledger.ts';
import type { BrokerMetrics } from './broker-metrics.ts';
import type { CutBatch } from './cut-batch.ts';
import type { LeaseKey } from './delivery.ts';
import type { Repinned } from './finished-batches.ts';
import type { GroupHistory } from './group-history.ts';
import type { BatchRecord } from './journal/records.ts';
import { recut } from './recut.ts';
import type { RunObserver } from './run-observer.ts';

/**
 * What consumers do with a run's batches, and what follows from it for its groups, its figures and its
 * step: the furthest that a consumer is done with. One that is behind, or goes back, does not lower it
 * while another is further.
 */
export class Training {
  readonly #runId: string;
  readonly #batches: BatchLedger;
  readonly #history: GroupHistory;
  readonly #observer: RunObserver;
  readonly #metrics: BrokerMetrics;
  readonly #record: () => void;
  #step: number;

  constructor(
    rooms: {
      readonly runId: string;
      readonly batches: BatchLedger;
      readonly history: GroupHistory;
      readonly observer: RunObserver;
      readonly metrics: BrokerMetrics;
      /** Writes the run down. */
      readonly record: () => void;
    },
    restoredStep = 0,
  ) {
    this.#runId = rooms.runId;
    this.#batches = rooms.batches;
    this.#history = rooms.history;
    this.#observer = rooms.observer;
    this.#metrics = rooms.metrics;
    this.#record = rooms.record;
    // Before lanes had steps of their own, it was what all were done with.
    this.#step = Math.max(restoredStep, this.#batches.furthestStep);
  }

  get step(): number {
    return this.#step;
  }

  /** As the ledger does it. One that joins again may be further than those that are here. */
  register(...args: Parameters<BatchLedger['register']>): ReturnType<BatchLedger['register']> {
    const standing = this.#batches.register(...args);
    if (this.#advance()) this.#record();
    return standing;
  }

  /** The step is the furthest that a consumer is done with. */
  ack(key: LeaseKey, nowMs: number): { readonly complete: boolean; readonly step: number } {
    const { complete, finished } = this.#batches.leases.ack(key, nowMs);
    const isFurther = complete && this.#advance();
    if (finished !== undefined) this.#finish(finished, nowMs);
    if (isFurther || finished !== undefined) this.#record();
    return { complete, step: this.#step };
  }

  /** Whether a consumer is further than any was. */
  #advance(): boolean {
    const { furthestStep } = this.#batches;
    if (furthestStep <= this.#step) return false;
    this.#step = furthestStep;
    return true;
  }

  /** A batch was given up: without it a consumer may be further than any was. */
  gaveUp(): void {
    this.#advance();
  }

  /** Everyone who has part in a batch is done with it. */
  #finish(batch: CutBatch, nowMs: number): void {
    this.#observer.trained(batch, nowMs);
    if (!this.#batches.finished.isPinned(batch.step)) {
      for (const group of batch.groups) this.#history.settle(group.id);
    }
    this.#metrics.batch('acked');
  }

  /** Takes a consumer out. Returns how many batches it had still to do; undefined when it was out. */
  unregister(consumerId: string, nowMs: number): number | undefined {
    const { existed, released, finished, ...repinned } = this.#batches.unregister(consumerId);
    if (!existed) return undefined;
    this.#repin(repinned);
    for (const batch of finished) this.#finish(batch, nowMs);
    this.#record();
    return released;
  }

  /** The trainer's checkpoint of a step is safe: what was kept for going back before it is let go. */
  commit(consumerId: string, step: number): void {
    const isKept = ({ positions }: BatchRecord): boolean =>
      positions.every((position) => this.#history.at(position) !== undefined);
    this.#repin(this.#batches.commit(consumerId, step, isKept));
    this.#record();
  }

  /** Batches after a step are open again for the consumer, as they were cut. Returns how many. */
  rewind(consumerId: string, step: number, nowMs: number): number {
    const reopened = this.#batches.rewind({ consumerId, step }, nowMs, (record) =>
      recut(this.#runId, record, (position) => this.#history.at(position)),
    );
    for (const cut of reopened.cuts) {
      this.#observer.reopened(cut);
      for (const group of cut.groups) this.#history.unsettle(group.id);
    }
    this.#step = this.#batches.furthestStep;
    this.#record();
    return reopened.batches;
  }

  /** Groups of finished batches are needed for going back to them, or not any more. */
  #repin({ freed, pinned }: Repinned): void {
    for (const { positions } of pinned) {
      for (const position of positions) this.#history.unsettleAt(position);
    }
    for (const { positions } of freed) {
      for (const position of positions) this.#history.settleAt(position);
    }
  }
}
