import { ftruncateSync, writeSync } from 'node:fs';
import { type FileHandle, open, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';

/**
 * A file of the store's log. Positions are given, so that nothing depends on where another call left
 * off; a write that returns has written all of it, and one that throws may have written some.
 */
export interface StoreFile extends AsyncDisposable {
  write(buffers: readonly Uint8Array[], position: number): Promise<void>;
  /** For what is small and must be there when a commit returns. */
  writeSync(bytes: Uint8Array, position: number): void;
  /** Fewer bytes than asked for at the end of the file. */
  read(length: number, position: number): Promise<Uint8Array>;
  size(): Promise<number>;
  truncate(length: number): Promise<void>;
  truncateSync(length: number): void;
  /** After it, what was written outlives the machine's power. */
  datasync(): Promise<void>;
}

/** What the store asks of the disk. Tests put one in front that fails, or forgets what was not synced. */
export interface StoreFileSystem {
  /** `create` fails where there is such a file. */
  open(file: string, mode: 'create' | 'write' | 'read'): Promise<StoreFile>;
  remove(file: string): Promise<void>;
  /** Names and sizes of the files of a folder. */
  list(folder: string): Promise<readonly { readonly name: string; readonly bytes: number }[]>;
  /** After it, files that were made in the folder are in it for good. */
  syncFolder(folder: string): Promise<void>;
}

const FLAGS = { create: 'wx+', write: 'r+', read: 'r' } as const;

export const nodeFileSystem: StoreFileSystem = Object.freeze({
  open: async (file: string, mode: keyof typeof FLAGS) =>
    new NodeFile(await open(file, FLAGS[mode])),

  remove: (file: string) => rm(file, { force: true }),

  async list(folder: string) {
    const entries = await readdir(folder, { withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile());
    return Promise.all(
      files.map(async ({ name }) => {
        const { size } = await stat(path.join(folder, name));
        return { name, bytes: size };
      }),
    );
  },

  async syncFolder(folder: string) {
    // Windows opens no folders, and keeps its directories in order by itself.
    if (process.platform === 'win32') return;
    await using handle = await open(folder, 'r');
    await handle.sync();
  },
});

class NodeFile implements StoreFile {
  readonly #handle: FileHandle;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async write(buffers: readonly Uint8Array[], position: number): Promise<void> {
    let left = buffers.filter((buffer) => buffer.length > 0);
    let at = position;
    while (left.length > 0) {
      // A full disk first writes what it can; the next call then says why.
      const { bytesWritten } = await this.#handle.writev(left, at);
      at += bytesWritten;
      left = after(left, bytesWritten);
    }
  }

  writeSync(bytes: Uint8Array, position: number): void {
    let done = 0;
    while (done < bytes.length) {
      done += writeSync(this.#handle.fd, bytes, done, bytes.length - done, position + done);
    }
  }

  async read(length: number, position: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const { bytesRead } = await this.#handle.read(bytes, done, length - done, position + done);
      if (bytesRead === 0) return bytes.subarray(0, done);
      done += bytesRead;
    }
    return bytes;
  }

  async size(): Promise<number> {
    return (await this.#handle.stat()).size;
  }

  truncate(length: number): Promise<void> {
    return this.#handle.truncate(length);
  }

  truncateSync(length: number): void {
    ftruncateSync(this.#handle.fd, length);
  }

  datasync(): Promise<void> {
    return this.#handle.datasync();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#handle.close();
  }
}

/** What is left of the buffers after so many bytes of them. */
function after(buffers: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let skip = bytes;
  let index = 0;
  for (; index < buffers.length && skip >= buffers[index]!.length; index += 1) {
    skip -= buffers[index]!.length;
  }
  const left = buffers.slice(index);
  if (left[0] !== undefined) left[0] = left[0].subarray(skip);
  return left;
}
