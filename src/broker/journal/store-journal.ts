import { errorMessage, LachesisError } from '../../errors.ts';
import type { GroupPayload } from '../group-payload.ts';
import type { BrokerStore, PayloadRef } from '../stores/store.ts';
import type { Journal } from './journal.ts';
import type { LongRecords } from './long-records.ts';
import { placesOf } from './stored-payload.ts';

interface Round {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * A journal in a store. Whatever is decided in one turn of the event loop is committed together at its
 * end, in order, so that what a crash leaves is always a beginning of what happened.
 */
export class StoreJournal implements Journal {
  readonly #store: BrokerStore;
  readonly #records: LongRecords;
  readonly #onFailure: (error: LachesisError) => void;
  readonly #puts = new Map<string, (() => Uint8Array) | undefined>();
  #cites: PayloadRef[] = [];
  #releases: PayloadRef[] = [];
  #round: Round | undefined;
  #failure: LachesisError | undefined;

  /** `records` are the store's; `onFailure` is told once, when a commit failed. */
  constructor(store: BrokerStore, records: LongRecords, onFailure: (error: LachesisError) => void) {
    this.#store = store;
    this.#records = records;
    this.#onFailure = onFailure;
  }

  put(key: string, make: () => Uint8Array): void {
    this.#puts.set(key, make);
    this.#schedule();
  }

  putLater(key: string, make: () => Uint8Array): void {
    this.#puts.set(key, make);
  }

  remove(key: string): void {
    this.#puts.set(key, undefined);
    this.#schedule();
  }

  removeUnder(prefix: string): void {
    for (const key of this.#puts.keys()) if (key.startsWith(prefix)) this.#puts.delete(key);
    for (const { key } of this.#records.under(prefix)) this.#puts.set(key, undefined);
    this.#schedule();
  }

  cite(payload: GroupPayload): void {
    this.#cites.push(...placesOf(payload).blocks);
  }

  release(payload: GroupPayload): void {
    this.#releases.push(...placesOf(payload).blocks);
    this.#schedule();
  }

  settled(): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return this.#round?.promise ?? Promise.resolve();
  }

  /** Writes what there is at once; the last thing before the store is closed. */
  flush(): void {
    const round = this.#round;
    this.#round = undefined;
    const records = [...this.#puts].map(([key, make]) => this.#records.changes(key, make?.()));
    const change = {
      put: records.flatMap(({ put }) => put),
      remove: records.flatMap(({ remove }) => remove),
      cites: this.#cites,
      releases: this.#releases,
    };
    this.#puts.clear();
    this.#cites = [];
    this.#releases = [];
    if (this.#failure === undefined) {
      try {
        this.#store.commit(change);
      } catch (cause) {
        this.#failure = storeFailed(cause);
        this.#onFailure(this.#failure);
      }
    }
    if (this.#failure === undefined) round?.resolve();
    else round?.reject(this.#failure);
  }

  #schedule(): void {
    if (this.#round !== undefined) return;
    const round = Promise.withResolvers<void>();
    // Whoever waits is told; where nobody does, the broker's next caller is.
    round.promise.catch(() => {});
    this.#round = round;
    setImmediate(() => {
      if (this.#round === round) this.flush();
    });
  }
}

function storeFailed(cause: unknown): LachesisError {
  return new LachesisError('infrastructure_error', `The store failed: ${errorMessage(cause)}`, {
    reason: 'STORE_FAILED',
    remedy: 'Make room or mend the disk, and start the server again: what was accepted is kept.',
    cause,
  });
}
