import path from 'node:path';
import { writeFailed } from '../refusals.ts';
import type { Breakage } from './breakage.ts';
import type { StoreFile, StoreFileSystem } from './file-system.ts';
import type { Citation } from './logged-change.ts';
import { encodeSegmentHeader, SEGMENT_HEADER_BYTES, segmentName } from './segment-format.ts';
import type { Segments } from './segments.ts';

export interface SegmentLogContext {
  readonly folder: string;
  readonly storeId: Uint8Array;
  readonly fileSystem: StoreFileSystem;
  readonly breakage: Breakage;
  readonly segments: Segments;
  /** Whether the disk is asked to sync. */
  readonly isSynced: boolean;
  /** A segment is left for the next when another write would take it past this. */
  readonly segmentBytes: number;
}

/** A payload with its header, ready to be written. */
export interface PreparedPayload {
  readonly label: string;
  readonly head: Uint8Array;
  readonly chunks: readonly Uint8Array[];
  readonly length: number;
  readonly crc32: number;
}

/** The segment that is written to: one round at a time, at its end. */
export class SegmentLog implements AsyncDisposable {
  readonly #context: SegmentLogContext;
  #number: number;
  #file: StoreFile;
  #end: number;
  writtenBytes = 0;

  constructor(
    context: SegmentLogContext,
    active: { readonly number: number; readonly file: StoreFile; readonly end: number },
  ) {
    this.#context = context;
    this.#number = active.number;
    this.#file = active.file;
    this.#end = active.end;
  }

  get active(): number {
    return this.#number;
  }

  /**
   * All of them on the disk, or none: what a failed write left is cut off again. After a failed sync
   * the store is broken.
   */
  async write(payloads: readonly PreparedPayload[]): Promise<readonly Citation[]> {
    const { breakage, segments, segmentBytes, isSynced } = this.#context;
    breakage.assertWhole();
    const bytes = payloads.reduce((sum, { head, length }) => sum + head.length + length, 0);
    const isFull = this.#end + bytes > segmentBytes && this.#end > SEGMENT_HEADER_BYTES;
    if (isFull) await this.#roll();
    const citations: Citation[] = [];
    let at = this.#end;
    for (const { label, head, length, crc32 } of payloads) {
      const offset = at + head.length;
      citations.push({ segment: this.#number, offset, length, crc32, label });
      at = offset + length;
    }
    const buffers = payloads.flatMap(({ head, chunks }) => [head, ...chunks]);
    try {
      await this.#file.write(buffers, this.#end);
    } catch (error) {
      const failure = writeFailed(this.#path, error);
      await this.#cutBack();
      throw failure;
    }
    this.#end = at;
    this.writtenBytes += bytes;
    segments.setBytes(this.#number, at);
    if (isSynced) await this.#sync();
    return citations;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file[Symbol.asyncDispose]();
  }

  async #roll(): Promise<void> {
    const { folder, storeId, fileSystem, isSynced, segments } = this.#context;
    const number = this.#number + 1;
    const made = await createSegment({ folder, storeId, fileSystem, isSynced }, number);
    segments.add(number, { bytes: SEGMENT_HEADER_BYTES });
    this.writtenBytes += SEGMENT_HEADER_BYTES;
    const before = this.#file;
    this.#number = number;
    this.#file = made;
    this.#end = SEGMENT_HEADER_BYTES;
    await before[Symbol.asyncDispose]();
  }

  async #sync(): Promise<void> {
    try {
      await this.#file.datasync();
    } catch (error) {
      const failure = writeFailed(this.#path, error);
      this.#context.breakage.break(failure);
      throw failure;
    }
  }

  async #cutBack(): Promise<void> {
    try {
      await this.#file.truncate(this.#end);
    } catch (error) {
      this.#context.breakage.break(writeFailed(this.#path, error));
    }
  }

  get #path(): string {
    return path.join(this.#context.folder, segmentName(this.#number));
  }
}

/** An empty segment that is there for good. When it fails, there is none. */
export async function createSegment(
  context: Pick<SegmentLogContext, 'folder' | 'storeId' | 'fileSystem' | 'isSynced'>,
  number: number,
): Promise<StoreFile> {
  const { folder, storeId, fileSystem, isSynced } = context;
  const name = path.join(folder, segmentName(number));
  try {
    const file = await fileSystem.open(name, 'create');
    try {
      await file.write([encodeSegmentHeader(number, storeId)], 0);
      if (isSynced) {
        await file.datasync();
        await fileSystem.syncFolder(folder);
      }
      return file;
    } catch (error) {
      await file[Symbol.asyncDispose]();
      await fileSystem.remove(name);
      throw error;
    }
  } catch (error) {
    throw writeFailed(name, error);
  }
}
