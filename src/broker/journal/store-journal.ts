import { errorMessage, LachesisError } from '../../errors.ts';
import type { GroupPayload } from '../group-payload.ts';
import type { BrokerStore, PayloadRef, StoreChange } from '../stores/store.ts';
import type { Journal } from './journal.ts';
import type { LongRecords } from './long-records.ts';
import { placesOf } from './stored-payload.ts';

interface Round {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/** How long a commit waits for room on a full disk before it is tried again. */
const FULL_PAUSE_MS = 250;

/**
 * A journal in a store. Whatever is decided in one turn of the event loop is committed together at its
 * end, in order, so that what a crash leaves is always a beginning of what happened. What a full disk
 * refuses is tried again until there is room, and what comes after it waits.
 */
export class StoreJournal implements Journal {
  readonly #store: BrokerStore;
  readonly #records: LongRecords;
  readonly #onFailure: (error: LachesisError) => void;
  readonly #puts = new Map<string, (() => Uint8Array) | undefined>();
  #cites: PayloadRef[] = [];
  #releases: PayloadRef[] = [];
  #round: Round | undefined;
  /** Committed, and on its way to the disk; the next commit waits for it. */
  #syncing: Round | undefined;
  /** What the disk had no room for, and who waits for it. */
  #refused: { readonly change: StoreChange; readonly round: Round | undefined } | undefined;
  #retry: NodeJS.Timeout | undefined;
  #full: LachesisError | undefined;
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
    // It is there once there is room.
    for (const { key } of this.#refused?.change.put ?? []) {
      if (key.startsWith(prefix)) this.#puts.set(key, undefined);
    }
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
    const round = this.#round ?? this.#refused?.round ?? this.#syncing;
    return round?.promise ?? Promise.resolve();
  }

  /** Throws resource_exhausted while a commit waits for room on the disk. */
  assertRoom(): void {
    if (this.#full !== undefined) throw this.#full;
  }

  /** The store failed elsewhere: nothing that is decided from here on can be relied on. */
  fail(cause: unknown): void {
    if (this.#failure === undefined) this.#fail(cause, this.#refused?.round);
  }

  /** Writes what there is at once; the last thing before the store is closed. */
  flush(): void {
    this.#syncing = undefined;
    this.#write();
    this.#syncing = undefined;
    this.#write();
    if (this.#refused !== undefined) this.fail(this.#full);
    clearTimeout(this.#retry);
  }

  #write(): void {
    if (this.#syncing !== undefined) return;
    if (this.#refused !== undefined) {
      const { change, round } = this.#refused;
      if (!this.#commit(change, round) || this.#syncing !== undefined) return;
    }
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
    this.#commit(change, round);
  }

  /** False when there was no room: it is tried again, and must be done before anything else. */
  #commit(change: StoreChange, round: Round | undefined): boolean {
    this.#refused = undefined;
    this.#full = undefined;
    try {
      if (this.#failure === undefined) this.#store.commit(change);
    } catch (cause) {
      if (cause instanceof LachesisError && cause.reason === 'STORE_FULL') {
        this.#refused = { change, round };
        this.#full = cause;
        this.#retry = setTimeout(() => this.#write(), FULL_PAUSE_MS);
        return false;
      }
      this.#fail(cause, round);
    }
    if (this.#failure === undefined) this.#sync(round);
    else round?.reject(this.#failure);
    return true;
  }

  /** What is decided in the meantime is committed together, and pays for one sync. */
  #sync(round: Round | undefined): void {
    const synced = this.#store.synced?.();
    if (synced === undefined) {
      round?.resolve();
      return;
    }
    const syncing = round ?? newRound();
    this.#syncing = syncing;
    synced.then(
      () => {
        if (this.#failure === undefined) syncing.resolve();
        else syncing.reject(this.#failure);
        if (this.#syncing !== syncing) return;
        this.#syncing = undefined;
        if (this.#round !== undefined && this.#refused === undefined) this.#write();
      },
      (cause: unknown) => {
        if (this.#failure === undefined) this.#fail(cause, syncing);
        else syncing.reject(this.#failure);
      },
    );
  }

  #fail(cause: unknown, round: Round | undefined): void {
    this.#failure = storeFailed(cause);
    this.#onFailure(this.#failure);
    round?.reject(this.#failure);
    this.#round?.reject(this.#failure);
  }

  #schedule(): void {
    if (this.#round !== undefined) return;
    const round = newRound();
    this.#round = round;
    setImmediate(() => {
      if (this.#round === round && this.#refused === undefined) this.#write();
    });
  }
}

function newRound(): Round {
  const round = Promise.withResolvers<void>();
  // Whoever waits is told; where nobody does, the broker's next caller is.
  round.promise.catch(() => {});
  return round;
}

function storeFailed(cause: unknown): LachesisError {
  return new LachesisError('infrastructure_error', `The store failed: ${errorMessage(cause)}`, {
    reason: 'STORE_FAILED',
    remedy: 'Make room or mend the disk, and start the server again: what was accepted is kept.',
    cause,
  });
}
