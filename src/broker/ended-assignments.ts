import type { DeadLetter } from './assignment-event.ts';
import type { EndedRecord } from './journal/records.ts';
import type { RunJournal } from './journal/run-journal.ts';
import { RecentIds } from './recent-ids.ts';

const REMEMBERED = 65_536;

/** Assignments of a run that ended without a group: remembered, so that none is taken again. */
export class EndedAssignments {
  readonly #ids = new RecentIds(REMEMBERED);
  readonly #journal: RunJournal;

  constructor(journal: RunJournal, restored: readonly EndedRecord[] = []) {
    this.#journal = journal;
    for (const { id } of restored) this.#ids.add(id);
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  add(id: string, letter: DeadLetter | undefined): void {
    const forgotten = this.#ids.add(id);
    this.#journal.assignmentEnded(letter === undefined ? { id } : { id, letter });
    if (forgotten !== undefined) this.#journal.endedForgotten(forgotten);
  }
}
