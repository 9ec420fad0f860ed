import { isUtf8 } from 'node:buffer';
import { type FileHandle, open } from 'node:fs/promises';
import { errorMessage, invalidInput, LachesisError } from '../../errors.ts';

/**
 * The bytes at the head of a GGUF file, read in pieces from a handle. A length that the file or the bound
 * can't hold is an error before anything is allocated for it.
 */
export interface GgufBytes extends AsyncDisposable {
  readonly file: string;
  /** Bytes from the beginning that have been read or skipped. */
  readonly offset: number;
  /** Makes so many bytes readable at once; undefined when they are already. */
  need(bytes: number): Promise<void> | undefined;
  u32(): number;
  i32(): number;
  f32(): number;
  f64(): number;
  byte(): number;
  /** A count or a length; those that no file can have are errors. */
  u64(): number;
  i64(): bigint;
  text(bytes: number): string;
  skip(bytes: number): void;
  /** Throws unless so many bytes can still follow; reads nothing. */
  expect(bytes: number): void;
  refuse(what: string): LachesisError;
}

const PIECE_BYTES = 1 << 20;
/** Vocabularies of a quarter of a million pieces take 20 MB. */
export const MAX_METADATA_BYTES = 256 << 20;

export async function openGguf(file: string, signal?: AbortSignal): Promise<GgufBytes> {
  signal?.throwIfAborted();
  let handle: FileHandle | undefined;
  try {
    handle = await open(file, 'r');
    const { size } = await handle.stat();
    return new HandleBytes(file, handle, Math.min(size, MAX_METADATA_BYTES), signal);
  } catch (cause) {
    await handle?.close();
    throw unreadable(file, cause);
  }
}

class HandleBytes implements GgufBytes {
  readonly file: string;
  readonly #handle: FileHandle;
  readonly #end: number;
  readonly #signal: AbortSignal | undefined;
  #window = Buffer.alloc(0);
  /** Where the window begins in the file. */
  #start = 0;
  /** The next byte, from the window's beginning; past its end after a skip. */
  #at = 0;

  constructor(file: string, handle: FileHandle, end: number, signal: AbortSignal | undefined) {
    this.file = file;
    this.#handle = handle;
    this.#end = end;
    this.#signal = signal;
  }

  get offset(): number {
    return this.#start + this.#at;
  }

  need(bytes: number): Promise<void> | undefined {
    if (this.#at + bytes <= this.#window.length) return undefined;
    this.expect(bytes);
    return this.#fill(bytes);
  }

  async #fill(bytes: number): Promise<void> {
    const left = this.#window.subarray(Math.min(this.#at, this.#window.length));
    this.#start = this.offset;
    this.#at = 0;
    const size = Math.min(Math.max(bytes, PIECE_BYTES), this.#end - this.#start);
    const next = Buffer.allocUnsafe(size);
    left.copy(next);
    let filled = left.length;
    while (filled < size) {
      this.#signal?.throwIfAborted();
      let read: number;
      try {
        const position = this.#start + filled;
        ({ bytesRead: read } = await this.#handle.read(next, filled, size - filled, position));
      } catch (cause) {
        throw unreadable(this.file, cause);
      }
      if (read === 0) throw this.refuse('became shorter while it was read');
      filled += read;
    }
    this.#window = next;
  }

  byte(): number {
    return this.#window.readUInt8(this.#step(1));
  }

  u32(): number {
    return this.#window.readUInt32LE(this.#step(4));
  }

  i32(): number {
    return this.#window.readInt32LE(this.#step(4));
  }

  f32(): number {
    return this.#window.readFloatLE(this.#step(4));
  }

  f64(): number {
    return this.#window.readDoubleLE(this.#step(8));
  }

  i64(): bigint {
    return this.#window.readBigInt64LE(this.#step(8));
  }

  u64(): number {
    const value = this.#window.readBigUInt64LE(this.#step(8));
    if (value > Number.MAX_SAFE_INTEGER) throw this.#tooLong(value);
    return Number(value);
  }

  text(bytes: number): string {
    const start = this.#step(bytes);
    const text = this.#window.toString('utf8', start, start + bytes);
    if (text.includes('\ufffd') && !isUtf8(this.#window.subarray(start, start + bytes))) {
      throw this.refuse('has a text that is no UTF-8');
    }
    return text;
  }

  skip(bytes: number): void {
    this.expect(bytes);
    this.#step(bytes);
  }

  expect(bytes: number): void {
    if (bytes > this.#end - this.offset) throw this.#tooLong(bytes);
  }

  #step(bytes: number): number {
    const start = this.#at;
    this.#at += bytes;
    return start;
  }

  #tooLong(bytes: number | bigint): LachesisError {
    const bound = this.#end === MAX_METADATA_BYTES ? `the ${this.#end} bytes that are read` : 'it';
    return this.refuse(
      `says that ${bytes} bytes follow byte ${this.offset}, more than ${bound} has`,
    );
  }

  refuse(what: string): LachesisError {
    return invalidInput(this.file, `${what}.`, {
      reason: 'GGUF_INVALID',
      remedy: 'Give a whole GGUF file of version 2 or 3.',
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }
}

function unreadable(file: string, cause: unknown): LachesisError {
  const isMissing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
  return new LachesisError(
    isMissing ? 'not_found' : 'infrastructure_error',
    `${file}: ${errorMessage(cause)}.`,
    { reason: 'MODEL_FILE_UNREADABLE', cause },
  );
}
