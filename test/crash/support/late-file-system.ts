import {
  nodeFileSystem,
  type StoreFile,
  type StoreFileSystem,
} from '../../../src/broker/stores/files/file-system.ts';

interface Write {
  readonly bytes: Uint8Array;
  readonly position: number;
}

/**
 * A disk whose sync of payloads says yes and happens a while later: SQLite's commit comes before it. What
 * was not synced by then dies with the process, which a SIGKILL alone would not take from the page cache.
 */
export function lateFileSystem(laterMs: number): StoreFileSystem {
  return {
    ...nodeFileSystem,
    async open(file, mode) {
      const inner = await nodeFileSystem.open(file, mode);
      return mode === 'read' || !file.endsWith('.seg') ? inner : late(inner, laterMs);
    },
  };
}

function late(inner: StoreFile, laterMs: number): StoreFile {
  let held: Write[] = [];
  return {
    write: async (buffers, position) => {
      held.push({ bytes: Buffer.concat(buffers), position });
    },
    datasync: async () => {
      const synced = held;
      held = [];
      setTimeout(async () => {
        for (const { bytes, position } of synced) await inner.write([bytes], position);
      }, laterMs);
    },
    writeSync: (bytes, position) => inner.writeSync(bytes, position),
    read: (length, position) => inner.read(length, position),
    size: () => inner.size(),
    truncate: (length) => inner.truncate(length),
    truncateSync: (length) => inner.truncateSync(length),
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  };
}
