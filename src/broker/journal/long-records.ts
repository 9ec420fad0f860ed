import { MAX_VALUE_BYTES } from '../stores/limits.ts';
import type { BrokerStore, StoreRecord } from '../stores/store.ts';

/** Between a key and the number of its continuation; no key holds it, and it sorts before what keys hold. */
const MARK = ' ';

/**
 * A store's records without their limit of length: what is longer lies under further keys, `KEY 1`,
 * `KEY 2` and so on, which are put and removed with the first.
 */
export class LongRecords {
  readonly #store: BrokerStore;
  /** How many further keys a key has, of those that have any. */
  readonly #further = new Map<string, number>();

  constructor(store: BrokerStore) {
    this.#store = store;
  }

  /** As the store's, each whole. */
  *under(prefix: string): Generator<StoreRecord> {
    let whole: { readonly key: string; readonly values: Uint8Array[] } | undefined;
    for (const { key, value } of this.#store.records(prefix)) {
      if (whole !== undefined && key.startsWith(`${whole.key}${MARK}`)) {
        // In the order of keys 10 comes before 2.
        whole.values[Number(key.slice(whole.key.length + 1))] = value;
        continue;
      }
      if (whole !== undefined) yield this.#joined(whole);
      whole = { key, values: [value] };
    }
    if (whole !== undefined) yield this.#joined(whole);
  }

  /** The store's records that say that a key has this value, or none. */
  changes(
    key: string,
    value: Uint8Array | undefined,
  ): { readonly put: readonly StoreRecord[]; readonly remove: readonly string[] } {
    const before = this.#further.get(key) ?? 0;
    const count = value === undefined ? 0 : Math.max(1, Math.ceil(value.length / MAX_VALUE_BYTES));
    const put = Array.from({ length: count }, (_, index) => ({
      key: keyOf(key, index),
      value: value!.subarray(index * MAX_VALUE_BYTES, (index + 1) * MAX_VALUE_BYTES),
    }));
    const remove: string[] = [];
    for (let index = count; index <= before; index += 1) remove.push(keyOf(key, index));
    if (count > 1) this.#further.set(key, count - 1);
    else this.#further.delete(key);
    return { put, remove: count === 0 && before === 0 ? [key] : remove };
  }

  #joined({ key, values }: { key: string; values: readonly Uint8Array[] }): StoreRecord {
    if (values.length === 1) return { key, value: values[0]! };
    this.#further.set(key, values.length - 1);
    return { key, value: new Uint8Array(Buffer.concat(values)) };
  }
}

function keyOf(key: string, index: number): string {
  return index === 0 ? key : `${key}${MARK}${index}`;
}
