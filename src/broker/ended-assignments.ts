import type { DeadLetter } from './assignment-event.ts';
import { DeadLetters } from './dead-letters.ts';
import type { EndedRecord } from './journal/records.ts';
import type { RunJournal } from './journal/run-journal.ts';
import { RecentIds } from './recent-ids.ts';

const REMEMBERED = 65_536;

/** Assignments of a run that ended without a group: remembered, so that none is taken again. */
export class EndedAssignments {
  readonly #ids = new RecentIds(REMEMBERED);
  readonly #letters = new DeadLetters();
  readonly #journal: RunJournal;

  constructor(journal: RunJournal, restored: readonly EndedRecord[] = []) {
    this.#journal = journal;
    for (const { id, letter } of restored) {
      this.#ids.add(id);
      if (letter !== undefined) this.#letters.add(letter);
    }
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  get deadLetters(): readonly DeadLetter[] {
    return this.#letters.all();
  }

  /** Without a letter it was played, and its group dropped. */
  add(id: string, letter: DeadLetter | undefined): void {
    if (letter !== undefined) this.#letters.add(letter);
    const forgotten = this.#ids.add(id);
    this.#journal.assignmentEnded(letter === undefined ? { id } : { id, letter });
    if (forgotten !== undefined) this.#journal.endedForgotten(forgotten);
  }

  /** Its group came after all. */
  groupCame(id: string): void {
    if (this.#letters.delete(id)) this.#journal.assignmentEnded({ id });
  }
}
