import type { PayloadRef } from './store.ts';

/** Whether two refs name the same payload. */
export function isSamePayload(a: PayloadRef, b: PayloadRef): boolean {
  return (
    a.segment === b.segment && a.offset === b.offset && a.length === b.length && a.crc32 === b.crc32
  );
}
