import type { RestoredAssignment } from './assignment-book.ts';
import type { StoredGroup, SubmittedGroup } from './broker.ts';
import type { Journal } from './journal/journal.ts';
import type { RestoredRun } from './journal/records.ts';

/** What a broker stands on: nothing but memory, or a store that outlives it. */
export interface Backing {
  readonly journal: Journal;
  /** As they were left, in the order of being opened. */
  readonly runs: readonly RestoredRun[];
  /** In the order of being enqueued. */
  readonly assignments: readonly RestoredAssignment[];
  /** Keys of the records of assignments that ended with their run, by run. */
  readonly leftovers: ReadonlyMap<string, readonly string[]>;
  /** Puts a group's bytes where they are kept. Absent: they stay with the group. */
  readonly keep?: (
    group: SubmittedGroup,
    options: { readonly signal: AbortSignal },
  ) => Promise<StoredGroup>;
  /** Writes what there is to write. */
  close(): Promise<void>;
}
