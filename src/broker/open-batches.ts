import type { Delivery } from './delivery.ts';
import { batchRecord } from './journal/batch-record.ts';
import type { BatchRecord } from './journal/records.ts';
import type { RunJournal } from './journal/run-journal.ts';
import { isUntouched, type OpenBatch } from './open-batch.ts';

/** The batches that were cut and are not fully acked, in step order, written down as they change. */
export class OpenBatches {
  readonly #journal: RunJournal;
  readonly #positionOf: (groupId: string) => number;
  readonly #byStep = new Map<number, OpenBatch>();
  #handedOut = 0;

  /** `restored` are in the journal already. */
  constructor(
    options: {
      readonly journal: RunJournal;
      readonly positionOf: (groupId: string) => number;
    },
    restored: readonly OpenBatch[] = [],
  ) {
    this.#journal = options.journal;
    this.#positionOf = options.positionOf;
    this.#replace(restored);
  }

  [Symbol.iterator](): Iterator<OpenBatch> {
    return this.#byStep.values();
  }

  get size(): number {
    return this.#byStep.size;
  }

  /** Those that were handed out. */
  get handedOut(): number {
    return this.#handedOut;
  }

  at(step: number): OpenBatch | undefined {
    return this.#byStep.get(step);
  }

  add(open: OpenBatch): void {
    this.#byStep.set(open.cut.step, open);
    this.#journal.cut(open.cut.step, () => batchRecord(open, this.#positionOf));
  }

  /** A lane's delivery goes on; from its first one on the batch is handed out. */
  move(open: OpenBatch, lane: string, delivery: Delivery): void {
    if (delivery.kind === 'leased' && isUntouched(open)) this.#handedOut += 1;
    open.lanes.set(lane, delivery);
    this.#record(open);
  }

  /** It has that lane no more, unless it is done there, which goes on to count. */
  leave(open: OpenBatch, lane: string): boolean {
    const delivery = open.lanes.get(lane);
    if (delivery === undefined || delivery.kind === 'done') return false;
    open.lanes.delete(lane);
    open.retired = Math.max(open.retired, delivery.deliveries);
    this.#handedOut = this.#countHandedOut();
    this.#record(open);
    return true;
  }

  /** How many a lane is not done with. */
  leftOf(lane: string): number {
    let left = 0;
    for (const { lanes } of this) if ((lanes.get(lane)?.kind ?? 'done') !== 'done') left += 1;
    return left;
  }

  /** It is done with. */
  close(open: OpenBatch): BatchRecord {
    this.#byStep.delete(open.cut.step);
    if (!isUntouched(open)) this.#handedOut -= 1;
    return batchRecord(open, this.#positionOf);
  }

  /** It never was. */
  uncut(open: OpenBatch): void {
    this.#byStep.delete(open.cut.step);
    this.#journal.batchGone(open.cut.step);
  }

  /** These are open again, behind the others. */
  reopen(again: readonly OpenBatch[]): void {
    this.#replace([...[...this].filter((open) => !again.includes(open)), ...again]);
  }

  /** Who holds a batch whose lease is not over. */
  holders(nowMs: number): ReadonlySet<string> {
    const all = [...this].flatMap(({ lanes }) => [...lanes.values()]);
    const held = all.filter((lane) => lane.kind === 'leased' && lane.expiresMs > nowMs);
    return new Set(held.flatMap((lane) => (lane.kind === 'leased' ? lane.holder : [])));
  }

  /** When the first live lease ends, after `nowMs`. */
  nextExpiryMs(nowMs: number): number | undefined {
    let first: number | undefined;
    for (const { lanes } of this) {
      for (const delivery of lanes.values()) {
        if (delivery.kind !== 'leased' || delivery.expiresMs <= nowMs) continue;
        if (first === undefined || delivery.expiresMs < first) first = delivery.expiresMs;
      }
    }
    return first;
  }

  #replace(all: readonly OpenBatch[]): void {
    this.#byStep.clear();
    for (const open of all) this.#byStep.set(open.cut.step, open);
    this.#handedOut = this.#countHandedOut();
  }

  #countHandedOut(): number {
    return [...this].filter((open) => !isUntouched(open)).length;
  }

  #record(open: OpenBatch): void {
    this.#journal.batch(open.cut.step, () => batchRecord(open, this.#positionOf));
  }
}
