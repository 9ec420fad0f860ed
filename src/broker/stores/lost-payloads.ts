import type { PayloadRef, StoreRecord } from './store.ts';

/** Keys under which a repair of a store notes the payloads that it left out; nobody else puts such. */
export const LOST_PREFIX = 'lost/';

/** The note of a payload that was left out; its value is the payload's label. */
export function lostRecord(ref: PayloadRef, label: string): StoreRecord {
  return { key: lostKey(ref), value: new TextEncoder().encode(label) };
}

export function lostKey({ segment, offset, length, crc32 }: PayloadRef): string {
  return `${LOST_PREFIX}${[segment, offset, length, crc32].join('/')}`;
}
