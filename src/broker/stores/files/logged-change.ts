import type { PayloadRef, StoreRecord } from '../store.ts';

/** A payload that lives, and the key of the record that cites it. */
export interface Citation extends PayloadRef {
  readonly label: string;
}

/** A change as the commit log keeps it: whoever replays all of them has the index. */
export interface LoggedChange {
  readonly put: readonly StoreRecord[];
  readonly remove: readonly string[];
  readonly cites: readonly Citation[];
  readonly releases: readonly Pick<PayloadRef, 'segment' | 'offset'>[];
}

export const NO_CHANGE: LoggedChange = Object.freeze({
  put: [],
  remove: [],
  cites: [],
  releases: [],
});
