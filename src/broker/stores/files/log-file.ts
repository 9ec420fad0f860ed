import path from 'node:path';
import { writeFailed } from '../refusals.ts';
import type { Breakage } from './breakage.ts';
import type { StoreFile, StoreFileSystem } from './file-system.ts';
import {
  encodeFrame,
  encodeLogHeader,
  type Frame,
  LOG_HEADER_BYTES,
  logName,
} from './log-format.ts';
import { walkFrames } from './log-walk.ts';

/** Of every log file of one store. */
export interface LogFileContext {
  readonly folder: string;
  readonly storeId: Uint8Array;
  readonly fileSystem: StoreFileSystem;
  readonly breakage: Breakage;
  /** Whether the disk is asked to sync. */
  readonly isSynced: boolean;
}

/** One file of the commit log, open for more. */
export class LogFile implements AsyncDisposable {
  readonly number: number;
  readonly #file: StoreFile;
  readonly #context: LogFileContext;
  #end: number;
  #syncedEnd: number;

  private constructor(
    number: number,
    file: StoreFile,
    place: { readonly end: number; readonly syncedEnd: number },
    context: LogFileContext,
  ) {
    this.number = number;
    this.#file = file;
    this.#end = place.end;
    this.#syncedEnd = place.syncedEnd;
    this.#context = context;
  }

  static async create(number: number, context: LogFileContext): Promise<LogFile> {
    const { folder, fileSystem, storeId } = context;
    const name = path.join(folder, logName(number));
    // One that nothing counts on yet, from a start that was cut off.
    await fileSystem.remove(name);
    const file = await fileSystem.open(name, 'create');
    try {
      await file.write([encodeLogHeader(number, storeId)], 0);
      if (context.isSynced) {
        await file.datasync();
        await fileSystem.syncFolder(folder);
      }
      const place = { end: LOG_HEADER_BYTES, syncedEnd: LOG_HEADER_BYTES };
      return new LogFile(number, file, place, context);
    } catch (error) {
      await file[Symbol.asyncDispose]();
      await fileSystem.remove(name);
      throw error;
    }
  }

  /**
   * Cut back to `end`: what follows was never committed. Undefined when it doesn't say all that it
   * should: what was not synced may have gone with the power.
   */
  static async reopen(
    number: number,
    place: { readonly end: number; readonly syncedEnd: number },
    context: LogFileContext,
  ): Promise<LogFile | undefined> {
    const { end, syncedEnd } = place;
    const name = path.join(context.folder, logName(number));
    const file = await context.fileSystem.open(name, 'write');
    let whole = syncedEnd;
    if ((await file.size()) >= end) {
      for await (const walked of walkFrames(file, { from: syncedEnd, until: end })) {
        whole = walked.end;
      }
    }
    if (whole < end) {
      await file[Symbol.asyncDispose]();
      return undefined;
    }
    await file.truncate(end);
    return new LogFile(number, file, place, context);
  }

  get end(): number {
    return this.#end;
  }

  /** Up to here it is on the disk for good. */
  get syncedEnd(): number {
    return this.#syncedEnd;
  }

  /** Gives the bytes it took. When it throws, the file is as it was. */
  append(frame: Frame): number {
    const bytes = encodeFrame(frame);
    try {
      this.#file.writeSync(bytes, this.#end);
    } catch (error) {
      const failure = writeFailed(this.#name, error);
      this.cut(this.#end);
      throw failure;
    }
    this.#end += bytes.length;
    return bytes.length;
  }

  /** Takes back what was appended since it ended there. */
  cut(end: number): void {
    try {
      this.#file.truncateSync(end);
      this.#end = end;
      this.#syncedEnd = Math.min(this.#syncedEnd, end);
    } catch (error) {
      this.#context.breakage.break(writeFailed(this.#name, error));
    }
  }

  async sync(): Promise<void> {
    const end = this.#end;
    const { isSynced, breakage } = this.#context;
    // One that failed is not tried again.
    if (end === this.#syncedEnd || !isSynced || breakage.isBroken) return;
    try {
      await this.#file.datasync();
      this.#syncedEnd = Math.max(this.#syncedEnd, end);
    } catch (error) {
      const failure = writeFailed(this.#name, error);
      breakage.break(failure);
      throw failure;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file[Symbol.asyncDispose]();
  }

  get #name(): string {
    return path.join(this.#context.folder, logName(this.number));
  }
}
