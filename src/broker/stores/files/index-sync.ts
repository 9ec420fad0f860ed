import { writeFailed } from '../refusals.ts';
import type { Breakage } from './breakage.ts';
import type { StoreFile, StoreFileSystem } from './file-system.ts';
import type { StoreIndex } from './store-index.ts';

/**
 * Syncs what the index committed, beside the event loop: SQLite would do it in the middle of a COMMIT, and
 * all else would wait for the disk with it. What is in the WAL is committed, so its file is all that has to
 * be synced; when SQLite moves it into the index, it syncs both by itself.
 */
export class IndexSync implements AsyncDisposable {
  readonly #wal: StoreFile;
  readonly #name: string;
  readonly #breakage: Breakage;
  #running: Promise<unknown> = Promise.resolve();

  private constructor(wal: StoreFile, name: string, breakage: Breakage) {
    this.#wal = wal;
    this.#name = name;
    this.#breakage = breakage;
  }

  /** The index waits for the disk no more. */
  static async take(
    index: StoreIndex,
    context: { readonly fileSystem: StoreFileSystem; readonly breakage: Breakage },
  ): Promise<IndexSync> {
    const wal = await context.fileSystem.open(index.walFile, 'write');
    index.leaveSyncing();
    return new IndexSync(wal, index.walFile, context.breakage);
  }

  /** Resolves when all that was committed before the call is on the disk. */
  sync(): Promise<void> {
    const done = this.#sync();
    this.#running = Promise.allSettled([this.#running, done]);
    return done;
  }

  async #sync(): Promise<void> {
    this.#breakage.assertWhole();
    try {
      await this.#wal.datasync();
    } catch (error) {
      const failure = writeFailed(this.#name, error);
      this.#breakage.break(failure);
      throw failure;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running;
    await this.#wal[Symbol.asyncDispose]();
  }
}
