import type { StoreFile } from './file-system.ts';

/** What a walk over a file needs of it. */
export type Readable = Pick<StoreFile, 'read'>;

const WINDOW_BYTES = 2 ** 20;

/**
 * A file read in pieces of 1 MiB, for a walk that mostly goes forward through many small things. What it
 * has read is not looked up again, so it is for files that nobody writes to.
 */
export function windowOn(file: Readable): Readable {
  let from = 0;
  let held = new Uint8Array(0);
  return {
    read: async (length, position) => {
      if (length >= WINDOW_BYTES) return await file.read(length, position);
      if (position < from || position + length > from + held.length) {
        from = position;
        held = new Uint8Array(await file.read(WINDOW_BYTES, position));
      }
      return held.subarray(position - from, position - from + length);
    },
  };
}
