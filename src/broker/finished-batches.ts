import type { BatchRecord } from './journal/records.ts';
import type { RunJournal } from './journal/run-journal.ts';

/** Enough to tell a repeated ack from one that lost its lease long ago. */
const REMEMBERED = 1_024;

/** What became of finished batches when a lane's commit was another: their groups are needed, or not. */
export interface Repinned {
  readonly freed: readonly BatchRecord[];
  readonly pinned: readonly BatchRecord[];
}

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

  constructor(
    options: { readonly journal: RunJournal },
    restored: readonly BatchRecord[] = [],
    committed: Readonly<Record<string, number>> = {},
  ) {
    this.#journal = options.journal;
    for (const record of restored) this.#records.set(record.step, record);
    this.#committed = new Map(Object.entries(committed));
  }

  get committed(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#committed);
  }

  committedBy(lane: string): number | undefined {
    return this.#committed.get(lane);
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

  /** A lane can go back to this step, which it did not go back before since. */
  commit(lane: string, step: number): Repinned {
    return this.#repin(() => {
      this.#committed.set(lane, Math.max(step, this.#committed.get(lane) ?? 0));
    });
  }

  /** A lane that commits went back; from there on is kept what it does again. */
  wentBack(lane: string, step: number): void {
    const committed = this.#committed.get(lane);
    if (committed !== undefined) this.#committed.set(lane, Math.min(step, committed));
  }

  /** A lane was taken away: it goes back to nothing. */
  leave(lane: string): Repinned {
    return this.#repin(() => this.#committed.delete(lane));
  }

  #repin(change: () => void): Repinned {
    const before = this.floor ?? Infinity;
    change();
    const after = this.floor ?? Infinity;
    // Nobody goes back to one that was given up.
    const between = (from: number, to: number) =>
      [...this.#records.values()].filter(
        ({ step, givenUp }) => givenUp === undefined && step > from && step <= to,
      );
    const repinned = { freed: between(before, after), pinned: between(after, before) };
    this.#forget();
    return repinned;
  }

  #forget(): void {
    for (const step of this.#records.keys()) {
      if (this.#records.size <= REMEMBERED || this.isPinned(step)) return;
      this.take(step);
    }
  }
}
