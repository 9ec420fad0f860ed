import type { BatchRecord } from './journal/records.ts';
import type { RunJournal } from './journal/run-journal.ts';
import { commitNeeded } from './refusals.ts';

/** Enough to tell a repeated ack from one that lost its lease long ago. */
const REMEMBERED = 1_024;

/**
 * The batches that every lane is done with, by step. A lane that commits steps may go back to its last
 * commit, so batches after it are *pinned*: they and their groups are kept. Of others the latest
 * are, and can be gone back to while their groups are kept.
 */
export class FinishedBatches {
  readonly #journal: RunJournal;
  readonly #records = new Map<number, BatchRecord>();
  /** The last step that each lane committed. */
  readonly #committed: Map<string, number>;

  readonly #max: number;

  constructor(
    options: { readonly journal: RunJournal; readonly maxUncommittedBatches: number },
    restored: readonly BatchRecord[] = [],
    committed: Readonly<Record<string, number>> = {},
  ) {
    this.#journal = options.journal;
    this.#max = options.maxUncommittedBatches;
    for (const record of restored) this.#records.set(record.step, record);
    this.#committed = new Map(Object.entries(committed));
  }

  get committed(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#committed);
  }

  /** The last step that no lane needs to go back before; undefined where none commits. */
  get floor(): number | undefined {
    return this.#committed.size === 0 ? undefined : Math.min(...this.#committed.values());
  }

  /** How many are pinned. */
  get pinned(): number {
    const { floor } = this;
    if (floor === undefined) return 0;
    let count = 0;
    for (const step of this.#records.keys()) if (step > floor) count += 1;
    return count;
  }

  /** Throws when a consumer that commits has not done so for too long. */
  assertRoom(): void {
    if (this.pinned >= this.#max) throw commitNeeded(this.#max, this.floor ?? 0);
  }

  isPinned(step: number): boolean {
    return step > (this.floor ?? Infinity);
  }

  get(step: number): BatchRecord | undefined {
    return this.#records.get(step);
  }

  add(record: BatchRecord): void {
    this.#records.set(record.step, record);
    this.#journal.batchDone(record.step, record);
    this.#forget();
  }

  /** It is open again. */
  take(step: number): void {
    this.#records.delete(step);
    this.#journal.doneForgotten(step);
  }

  /** Returns the batches that are pinned no more. */
  commit(lane: string, step: number): readonly BatchRecord[] {
    const before = this.floor;
    this.#committed.set(lane, Math.max(step, this.#committed.get(lane) ?? 0));
    const floor = this.floor ?? 0;
    const freed = [...this.#records.values()].filter(
      (record) => before !== undefined && record.step > before && record.step <= floor,
    );
    this.#forget();
    return freed;
  }

  #forget(): void {
    for (const step of this.#records.keys()) {
      if (this.#records.size <= REMEMBERED || this.isPinned(step)) return;
      this.take(step);
    }
  }
}
