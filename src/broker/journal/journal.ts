import type { GroupPayload } from '../group-payload.ts';

/** Where a broker writes down what it decides, as it decides it. */
export interface Journal {
  /** From here on `key` holds what `make` gives; it is asked once, when the record is written. */
  put(key: string, make: () => Uint8Array): void;
  /**
   * As `put`, for what a crash may take back, such as who leased what: it is written with the next
   * record that may not be lost, and costs nothing by itself.
   */
  putLater(key: string, make: () => Uint8Array): void;
  remove(key: string): void;
  /** Everything whose key begins so. */
  removeUnder(prefix: string): void;
  /** A record that was put cites it. */
  cite(payload: GroupPayload): void;
  /** Nobody needs it any more. */
  release(payload: GroupPayload): void;
  /**
   * Resolves when all of the above is as safe as the store makes it. Once it has rejected it always
   * does: the broker then knows what its store does not, and must be opened anew.
   */
  settled(): Promise<void>;
}

const DONE = Promise.resolve();

/** Of a broker that is lost with its process. */
export const noJournal: Journal = Object.freeze({
  put: () => {},
  putLater: () => {},
  remove: () => {},
  removeUnder: () => {},
  cite: () => {},
  release: () => {},
  settled: () => DONE,
});
