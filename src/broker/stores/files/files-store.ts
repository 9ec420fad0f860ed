import { existsSync, statfsSync } from 'node:fs';
import path from 'node:path';
import { LachesisError } from '../../../errors.ts';
import { checksum } from '../checksum.ts';
import { checkChange, checkPayloads } from '../limits.ts';
import { isSamePayload } from '../payload-ref.ts';
import {
  payloadDamaged,
  payloadGone,
  payloadUnknown,
  storeClosed,
  storeFailed,
  storeFull,
} from '../refusals.ts';
import type {
  BrokerStore,
  NewPayload,
  PayloadRef,
  StoreChange,
  StoreRecord,
  StoreStats,
} from '../store.ts';
import { AppendQueue } from './append-queue.ts';
import type { Breakage } from './breakage.ts';
import type { CommitLog } from './commit-log.ts';
import type { StoreFileSystem } from './file-system.ts';
import type { IndexSync } from './index-sync.ts';
import type { Citation, LoggedChange } from './logged-change.ts';
import type { StoreRecovery } from './open-segments.ts';
import type { FilesStoreConfig } from './options.ts';
import { segmentName } from './segment-format.ts';
import type { SegmentLog } from './segment-log.ts';
import { placeOf, type Segments } from './segments.ts';
import type { StoreFolder } from './store-folder.ts';
import type { StoreIndex } from './store-index.ts';

/** How far the commit log's copy on the disk may be behind: it matters only once the index is lost. */
const LOG_SYNC_MS = 1_000;

/** A store in a folder of one machine. */
export interface FilesStore extends BrokerStore {
  readonly folder: string;
  /** What opening it put in order. */
  readonly recovery: StoreRecovery;
}

export interface OpenedParts {
  readonly folder: StoreFolder;
  readonly config: FilesStoreConfig;
  readonly fileSystem: StoreFileSystem;
  readonly breakage: Breakage;
  readonly index: StoreIndex;
  readonly indexSync: IndexSync | undefined;
  readonly commitLog: CommitLog;
  readonly segmentLog: SegmentLog;
  readonly segments: Segments;
  readonly recovery: StoreRecovery;
}

/**
 * The order that nothing is lost by: payloads are written and synced before an append resolves, so
 * that whatever a commit can cite is on the disk; then the commit log, then the index, whose
 * transaction is the commit and is synced beside the loop; then memory. Files go last, once the commit that released them is safe.
 */
export class OpenFilesStore implements FilesStore {
  readonly driver = 'files';
  readonly durable = true;
  readonly #parts: OpenedParts;
  readonly #queue: AppendQueue;
  #sequence: number;
  #records: number;
  #syncedSequence: number;
  #removing: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor(parts: OpenedParts) {
    this.#parts = parts;
    const { sequence, records } = parts.index.state();
    this.#sequence = sequence;
    this.#records = records;
    this.#syncedSequence = sequence;
    const { segmentLog, commitLog, segments, config } = parts;
    this.#queue = new AppendQueue({
      maxQueuedBytes: config.maxQueuedBytes,
      write: async (payloads) => {
        const before = segmentLog.active;
        const citations = await segmentLog.write(payloads);
        await commitLog.sync(LOG_SYNC_MS);
        if (segmentLog.active !== before) this.#removeDead();
        return citations;
      },
      onAppended: (citation) => segments.appended(citation),
    });
  }

  get folder(): string {
    return this.#parts.folder.folder;
  }

  get recovery(): StoreRecovery {
    return this.#parts.recovery;
  }

  get maxPayloadBytes(): number {
    return this.#parts.config.maxPayloadBytes;
  }

  *records(prefix: string): Iterable<StoreRecord> {
    this.#assertOpen();
    for (const page of this.#parts.index.recordPages(prefix)) {
      for (const record of page) {
        if (!record.key.startsWith(prefix)) return;
        yield record;
      }
      this.#assertOpen();
    }
  }

  async append(
    payloads: readonly NewPayload[],
    { signal }: { readonly signal: AbortSignal },
  ): Promise<readonly PayloadRef[]> {
    this.#assertWritable();
    signal.throwIfAborted();
    const bytes = checkPayloads(payloads, this.#parts.config);
    this.#assertRoom(bytes);
    return await this.#queue.append(payloads, bytes, signal);
  }

  commit(change: StoreChange): void {
    this.#assertWritable();
    checkChange(change);
    const { segments } = this.#parts;
    const cites = this.#toCite(change.cites ?? []);
    const released = this.#toRelease(change.releases ?? []);
    const cited = cites.filter((citation) => !released.has(placeOf(citation)));
    const releases = [...released.values()].filter((ref) => segments.pending(ref) === undefined);
    const { put = [], remove = [] } = change;
    this.#write({ put, remove, cites: cited, releases });
    for (const citation of cited) segments.cite(citation);
    for (const ref of releases) segments.release(ref);
    for (const ref of released.values()) segments.dropPending(ref);
    if (released.size > 0) this.#removeDead();
    this.#parts.commitLog.committed();
  }

  async synced(): Promise<void> {
    const sequence = this.#sequence;
    if (this.#syncedSequence !== sequence) await this.#parts.indexSync?.sync();
    this.#syncedSequence = Math.max(this.#syncedSequence, sequence);
  }

  async read(ref: PayloadRef, { signal }: { readonly signal: AbortSignal }): Promise<Uint8Array> {
    this.#assertOpen();
    signal.throwIfAborted();
    const name = path.join(this.folder, segmentName(ref.segment));
    const bytes = await this.#readAt(name, ref);
    signal.throwIfAborted();
    if (bytes.length < ref.length || (await checksum([bytes])) !== ref.crc32) {
      throw payloadDamaged(name, ref);
    }
    return bytes;
  }

  stats(): StoreStats {
    const { segments, segmentLog, commitLog } = this.#parts;
    return {
      segments: segments.count,
      records: this.#records,
      payloads: segments.payloads,
      liveBytes: segments.liveBytes,
      garbageBytes: segments.bytes - segments.liveBytes,
      queuedBytes: this.#queue.heldBytes,
      appendedBytes: this.#queue.appendedBytes,
      writtenBytes: segmentLog.writtenBytes + commitLog.writtenBytes,
      freeDiskBytes: freeBytes(this.folder),
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { segmentLog, commitLog, index, indexSync, folder } = this.#parts;
    await using ending = new AsyncDisposableStack();
    ending.use(folder);
    ending.use(index);
    ending.use(indexSync);
    ending.defer(() => commitLog.close());
    ending.use(segmentLog);
    await this.#queue.drained();
    await this.#removing;
  }

  /** Those that are not live yet, each once. Throws for what was never appended. */
  #toCite(refs: readonly PayloadRef[]): readonly Citation[] {
    const found = new Map<string, Citation>();
    for (const [at, ref] of refs.entries()) {
      const pending = this.#parts.segments.pending(ref);
      if (pending !== undefined) found.set(placeOf(ref), pending);
      else if (!this.#isLive(ref)) throw payloadUnknown(`cites[${at}]`, ref);
    }
    return [...found.values()];
  }

  /** Those that are there, each once: what `reindex` left out is released too by who cited it. */
  #toRelease(refs: readonly PayloadRef[]): ReadonlyMap<string, PayloadRef> {
    const found = new Map<string, PayloadRef>();
    for (const ref of refs) {
      const isKnown = this.#parts.segments.pending(ref) !== undefined || this.#isLive(ref);
      if (isKnown) found.set(placeOf(ref), ref);
    }
    return found;
  }

  #isLive(ref: PayloadRef): boolean {
    const live = this.#parts.index.payloadAt(ref.segment, ref.offset);
    return live !== undefined && isSamePayload(live, ref);
  }

  #write(change: LoggedChange): void {
    if (Object.values(change).every((part) => part.length === 0)) return;
    const { index, commitLog, breakage } = this.#parts;
    const sequence = this.#sequence + 1;
    let undo = (): void => {};
    try {
      this.#records = index.transaction(() => {
        const records = this.#records + index.apply(change);
        undo = commitLog.append(sequence, change);
        index.setState({ ...commitLog.place, sequence, records });
        return records;
      });
      this.#sequence = sequence;
    } catch (error) {
      undo();
      // Of a sync that failed nobody knows what it left.
      if (error instanceof LachesisError && error.reason === 'STORE_FAILED') breakage.break(error);
      throw error;
    }
  }

  /** After the commit that released what was in them. One that can't be removed is tried again. */
  #removeDead(): void {
    const { segments, segmentLog, fileSystem } = this.#parts;
    if (segments.dead(segmentLog.active).length === 0) return;
    this.#removing = this.#removing.then(async () => {
      for (const number of segments.dead(segmentLog.active)) {
        try {
          await this.synced();
          await fileSystem.remove(path.join(this.folder, segmentName(number)));
          segments.forget(number);
        } catch {
          return;
        }
      }
    });
  }

  async #readAt(name: string, ref: PayloadRef): Promise<Uint8Array> {
    const { fileSystem } = this.#parts;
    try {
      await using file = await fileSystem.open(name, 'read');
      return await file.read(ref.length, ref.offset);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // Where the whole folder is away, as a disk that is not mounted, nothing of it is gone for good.
      if (code === 'ENOENT' && existsSync(this.#parts.folder.indexFile)) throw payloadGone(ref);
      throw storeFailed(name, error);
    }
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw storeClosed();
  }

  /** Who fills the disk is whoever brings payloads; what releases them again must not meet a full one. */
  #assertRoom(bytes: number): void {
    const free = freeBytes(this.folder) ?? Number.POSITIVE_INFINITY;
    const { reserveBytes } = this.#parts.config;
    if (free - this.#queue.heldBytes - bytes >= reserveBytes) return;
    const where = `payloads in ${this.folder}: ${free} bytes are free, of which ${reserveBytes} are kept for its records`;
    throw storeFull(where, undefined);
  }

  #assertWritable(): void {
    this.#assertOpen();
    this.#parts.breakage.assertWhole();
  }
}

function freeBytes(folder: string): number | undefined {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}
