import path from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { storeClosed } from '../refusals.ts';
import type { IndexSync } from './index-sync.ts';
import { LogFile, type LogFileContext } from './log-file.ts';
import { type Frame, logName, logNumber } from './log-format.ts';
import { type LoggedChange, NO_CHANGE } from './logged-change.ts';
import type { IndexState, StoreIndex } from './store-index.ts';

/** A log much longer than what it says is written anew. */
const REWRITE_FACTOR = 3;
/** How long closing waits for a rewrite. One that is given up is begun again when the store is opened. */
const CLOSE_MS = 2_000;

type LogPlace = Pick<IndexState, 'firstLog' | 'lastLog' | 'logEnd' | 'logSynced'>;

/**
 * A second copy of the index, as a row of changes: written before each commit, so that `reindex` can
 * restore all that was committed. When it has grown, a new file is begun that also takes up all that
 * there is, a page at a time between commits; when that is complete, the files before it go. A page
 * tells what is true when it is written, so a replay in the order of the file ends with the truth.
 */
export class CommitLog {
  readonly #context: LogFileContext;
  readonly #index: StoreIndex;
  readonly #indexSync: IndexSync | undefined;
  readonly #rewriteBytes: number;
  #first: number;
  #current: LogFile;
  /** What the last complete file began with. */
  #snapshotBytes = 0;
  #rewriting: Promise<void> | undefined;
  #closeByMs: number | undefined;
  #syncedMs = performance.now();
  writtenBytes = 0;

  private constructor(
    context: LogFileContext,
    fields: {
      readonly index: StoreIndex;
      readonly indexSync: IndexSync | undefined;
      readonly rewriteBytes: number;
      readonly first: number;
      readonly current: LogFile;
    },
  ) {
    this.#context = context;
    this.#index = fields.index;
    this.#indexSync = fields.indexSync;
    this.#rewriteBytes = fields.rewriteBytes;
    this.#first = fields.first;
    this.#current = fields.current;
  }

  /**
   * As the index left it. One that lost its end, as with the power, is written anew; so is one that
   * does not tell all: its first file is then not its last.
   */
  static async open(
    context: LogFileContext,
    options: {
      readonly index: StoreIndex;
      /** Where the index does not sync by itself. */
      readonly indexSync: IndexSync | undefined;
      readonly rewriteBytes: number;
    },
  ): Promise<CommitLog> {
    const { firstLog, lastLog, logEnd, logSynced } = options.index.state();
    const { fileSystem, folder } = context;
    const found = await fileSystem.list(folder);
    const numbers = found.flatMap(({ name }) => logNumber(name) ?? []);
    for (const number of numbers) {
      // Begun and not committed to, or replaced and not removed, before the process ended.
      if (number >= firstLog && number <= lastLog) continue;
      await fileSystem.remove(path.join(folder, logName(number)));
    }
    const isNew = logEnd === 0;
    const last =
      numbers.includes(lastLog) && !isNew
        ? await LogFile.reopen(lastLog, { end: logEnd, syncedEnd: logSynced }, context)
        : undefined;
    if (last !== undefined) {
      const log = new CommitLog(context, { ...options, first: firstLog, current: last });
      if (firstLog !== lastLog) log.rewrite();
      return log;
    }
    const current = await LogFile.create(isNew ? lastLog : lastLog + 1, context);
    const log = new CommitLog(context, { ...options, first: firstLog, current });
    if (!isNew) log.rewrite();
    return log;
  }

  get place(): LogPlace {
    const { number: lastLog, end: logEnd, syncedEnd: logSynced } = this.#current;
    return { firstLog: this.#first, lastLog, logEnd, logSynced };
  }

  /** Before the commit; gives what takes it back when that fails. */
  append(sequence: number, change: LoggedChange): () => void {
    const log = this.#current;
    const before = log.end;
    this.#write({ kind: 'commit', sequence, change });
    return () => log.cut(before);
  }

  /** After the commit. */
  committed(): void {
    const limit = Math.max(this.#rewriteBytes, REWRITE_FACTOR * this.#snapshotBytes);
    if (this.#current.end > limit) this.rewrite();
  }

  /** Syncs the file when it was not for so long. */
  async sync(olderThanMs = 0): Promise<void> {
    if (performance.now() - this.#syncedMs < olderThanMs) return;
    this.#syncedMs = performance.now();
    await this.#current.sync();
  }

  /** In the background; what is written in the meantime is not lost on it. */
  rewrite(): void {
    if (this.#closeByMs !== undefined) return;
    this.#rewriting ??= this.#rewrite()
      // The files before it are still there, and it is tried again when the log has grown as much.
      .catch(() => {
        this.#snapshotBytes = this.#current.end;
      })
      .finally(() => {
        this.#rewriting = undefined;
      });
  }

  /** Waits a while for a rewrite: it may be what makes the log whole again. */
  async close(): Promise<void> {
    this.#closeByMs = performance.now() + CLOSE_MS;
    await this.#rewriting;
    await syncAndClose(this.#current);
  }

  async #rewrite(): Promise<void> {
    const before = this.#current;
    const next = await LogFile.create(before.number + 1, this.#context);
    this.#current = next;
    await syncAndClose(before);
    let bytes = 0;
    for (const change of this.#everything()) {
      this.#context.breakage.assertWhole();
      if (performance.now() > (this.#closeByMs ?? Infinity)) throw storeClosed();
      bytes += this.#write({ kind: 'snapshot', sequence: this.#sequence(), change });
      await turn();
    }
    this.#write({ kind: 'complete', sequence: this.#sequence(), change: NO_CHANGE });
    await next.sync();
    const { folder, fileSystem } = this.#context;
    const replaced = this.#first;
    this.#first = next.number;
    this.#snapshotBytes = bytes;
    this.#index.transaction(() => this.#index.setState({ ...this.#index.state(), ...this.place }));
    await this.#indexSync?.sync();
    for (let number = replaced; number < next.number; number += 1) {
      await fileSystem.remove(path.join(folder, logName(number)));
    }
  }

  /** A page is written in the turn in which it was read: later it might not be true any more. */
  *#everything(): Iterable<LoggedChange> {
    for (const put of this.#index.recordPages('')) yield { ...NO_CHANGE, put };
    for (const cites of this.#index.payloadPages()) yield { ...NO_CHANGE, cites };
  }

  #sequence(): number {
    return this.#index.state().sequence;
  }

  #write(frame: Frame): number {
    const bytes = this.#current.append(frame);
    this.writtenBytes += bytes;
    return bytes;
  }
}

async function syncAndClose(log: LogFile): Promise<void> {
  await using open = log;
  await open.sync();
}
