import type { GroupPayload } from '../group-payload.ts';
import type { BrokerStore, PayloadRef } from '../stores/store.ts';

const EMPTY = new Uint8Array(0);

/** A group's parts in a store, each by itself, so that a rank reads no more than its own rows. */
export class StoredPayload implements GroupPayload {
  readonly refs: readonly PayloadRef[];
  readonly byteLength: number;
  readonly #store: BrokerStore;

  constructor(store: BrokerStore, refs: readonly PayloadRef[]) {
    this.#store = store;
    this.refs = refs;
    this.byteLength = refs.reduce((bytes, { length }) => bytes + length, 0);
  }

  read({
    wanted = () => true,
    signal,
  }: Parameters<GroupPayload['read']>[0]): Promise<readonly Uint8Array[]> {
    return Promise.all(
      this.refs.map(async (ref, partIndex) =>
        wanted(partIndex) ? await this.#store.read(ref, { signal }) : EMPTY,
      ),
    );
  }
}

/** Where a payload lies; none for one that is held in memory. */
export function refsOf(payload: GroupPayload): readonly PayloadRef[] {
  return payload instanceof StoredPayload ? payload.refs : [];
}
