import {
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import {
  nodeFileSystem,
  type StoreFile,
  type StoreFileSystem,
} from '../../../../src/broker/stores/files/file-system.ts';

export type FileOperation =
  | 'open'
  | 'write'
  | 'writeSync'
  | 'truncate'
  | 'datasync'
  | 'syncFolder'
  | 'remove';

interface Synced {
  bytes: number;
  /** Whether its name is in the folder for good. */
  isNamed: boolean;
}

/** What a copy of a folder leaves out: a dead process holds nothing. */
const isKept = (file: string): boolean => !file.includes('store.lock');

/**
 * The disk, with a memory of what was synced and a mind to fail: `powerLoss` gives the folder as a
 * machine would find it that lost its power now.
 */
export class FaultyFileSystem implements StoreFileSystem {
  readonly #synced = new Map<string, Synced>();
  /** Called before each operation that changes something; what it throws is what the disk says. */
  before: (operation: FileOperation, file: string) => void = () => {};
  /** Called before, after and halfway through each of them. */
  moment: () => void = () => {};
  /**
   * `payload first` as the store has it; with `commit first` a sync says yes at once and happens at the
   * next turn of the event loop, when whoever waited for it has committed.
   */
  order: 'payload first' | 'commit first' = 'payload first';
  /** Bytes that may still be written. */
  roomBytes = Number.POSITIVE_INFINITY;

  async open(file: string, mode: 'create' | 'write' | 'read'): Promise<StoreFile> {
    if (mode === 'create') this.#begin('open', file);
    const inner = await nodeFileSystem.open(file, mode);
    if (mode === 'create') this.moment();
    if (mode === 'create') this.#synced.set(file, { bytes: 0, isNamed: false });
    // What a file has when it is opened was there before.
    else if (!this.#synced.has(file)) {
      this.#synced.set(file, { bytes: await inner.size(), isNamed: true });
    }
    return mode === 'read' ? inner : this.#faulty(file, inner);
  }

  async remove(file: string): Promise<void> {
    this.#begin('remove', file);
    this.#synced.delete(file);
    await nodeFileSystem.remove(file);
    this.moment();
  }

  list(folder: string) {
    return nodeFileSystem.list(folder);
  }

  async syncFolder(folder: string): Promise<void> {
    this.#begin('syncFolder', folder);
    await nodeFileSystem.syncFolder(folder);
    for (const [file, synced] of this.#synced) {
      if (path.dirname(file) === folder) synced.isNamed = true;
    }
  }

  /** The folder as it is, without the lock. */
  static copy(folder: string, target: string): void {
    cpSync(folder, target, { recursive: true, filter: isKept });
  }

  /**
   * As {@link copy}, with of each file only what was synced, and of the rest as much as `share` says: cut
   * off there, or zeros from there on. SQLite is believed that it syncs.
   */
  powerLoss(folder: string, target: string, share: number, rest: 'cut' | 'zeros'): void {
    mkdirSync(target);
    for (const name of readdirSync(folder).filter(isKept)) {
      const file = path.join(folder, name);
      const copy = path.join(target, name);
      const synced = this.#synced.get(file);
      if (synced === undefined) {
        copyFileSync(file, copy);
        continue;
      }
      if (!synced.isNamed) continue;
      const bytes = readFileSync(file);
      const kept = synced.bytes + Math.floor((bytes.length - synced.bytes) * share);
      if (rest === 'zeros') bytes.fill(0, kept);
      writeFileSync(copy, rest === 'cut' ? bytes.subarray(0, kept) : bytes);
    }
  }

  #begin(operation: FileOperation, file: string): void {
    this.moment();
    this.before(operation, file);
  }

  #faulty(file: string, inner: StoreFile): StoreFile {
    const spend = (bytes: number): number => {
      const fits = Math.min(bytes, this.roomBytes);
      this.roomBytes -= fits;
      return fits;
    };
    const full = (): NodeJS.ErrnoException =>
      Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    const truncated = (length: number): void => {
      const synced = this.#synced.get(file);
      if (synced !== undefined) synced.bytes = Math.min(synced.bytes, length);
    };
    return {
      write: async (buffers, position) => {
        this.#begin('write', file);
        const all = Buffer.concat(buffers);
        const fits = spend(all.length);
        // As the system does it: what fits is written, then comes the error.
        const half = fits >> 1;
        await inner.write([all.subarray(0, half)], position);
        this.moment();
        await inner.write([all.subarray(half, fits)], position + half);
        this.moment();
        if (fits < all.length) throw full();
      },
      writeSync: (bytes, position) => {
        this.#begin('writeSync', file);
        const fits = spend(bytes.length);
        const half = fits >> 1;
        inner.writeSync(bytes.subarray(0, half), position);
        this.moment();
        inner.writeSync(bytes.subarray(half, fits), position + half);
        this.moment();
        if (fits < bytes.length) throw full();
      },
      read: (length, position) => inner.read(length, position),
      size: () => inner.size(),
      truncate: async (length) => {
        this.#begin('truncate', file);
        truncated(length);
        await inner.truncate(length);
        this.moment();
      },
      truncateSync: (length) => {
        this.#begin('truncate', file);
        truncated(length);
        inner.truncateSync(length);
        this.moment();
      },
      datasync: async () => {
        this.#begin('datasync', file);
        const sync = async (): Promise<void> => {
          // Before: what is written meanwhile may not be in it.
          const { size } = statSync(file);
          await inner.datasync();
          const synced = this.#synced.get(file);
          if (synced !== undefined) synced.bytes = Math.max(synced.bytes, size);
        };
        if (this.order === 'payload first') await sync();
        else setImmediate(() => void sync().catch(() => {}));
      },
      [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
    };
  }
}
