import { createReadStream } from 'node:fs';
import { LachesisError } from '../../errors.ts';

/** A line of a file, with its place. */
export interface FileLine {
  readonly text: string;
  /** From 1. */
  readonly number: number;
  /** Of its first byte. */
  readonly offset: number;
  /** Without the line break. */
  readonly byteLength: number;
}

/** More than this without a line break is no line-oriented file. */
const MAX_LINE_BYTES = 256 * 1024 * 1024;
const LINE_FEED = 0x0a;

/** Reads a file's lines as they are needed; memory holds one line and one chunk, whatever the file's size. */
export async function* fileLines(
  path: string,
  options: {
    readonly signal?: AbortSignal | undefined;
    /** For messages. Default: the path. */
    readonly name?: string;
  } = {},
): AsyncGenerator<FileLine> {
  const { signal, name = path } = options;
  const stream = createReadStream(path, {
    highWaterMark: 256 * 1024,
    ...(signal === undefined ? {} : { signal }),
  });
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  let offset = 0;
  let number = 0;
  const line = (bytes: Buffer): FileLine => {
    number += 1;
    const found = { text: bytes.toString('utf8'), number, offset, byteLength: bytes.length };
    offset += bytes.length + 1;
    return found;
  };
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      let from = 0;
      for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, from)) {
        const bytes = Buffer.concat([...pending, chunk.subarray(from, end)]);
        pending = [];
        pendingBytes = 0;
        from = end + 1;
        yield line(bytes);
      }
      pending.push(chunk.subarray(from));
      pendingBytes += chunk.length - from;
      if (pendingBytes > MAX_LINE_BYTES) throw tooLong(name, number + 1);
    }
    if (pendingBytes > 0) yield line(Buffer.concat(pending));
  } catch (error) {
    throw signal?.aborted === true ? signal.reason : (unreadableFile(error, name) ?? error);
  } finally {
    stream.destroy();
  }
}

/** The typed error of a file that can't be opened; undefined for any other error. */
export function unreadableFile(error: unknown, path: string): LachesisError | undefined {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code !== 'ENOENT' && code !== 'EACCES' && code !== 'EISDIR') return undefined;
  return new LachesisError('invalid_input', `The task file ${path} can't be read (${code}).`, {
    reason: 'TASK_FILE_UNREADABLE',
    remedy: 'Check the path; a relative one is read from the working directory.',
    cause: error,
  });
}

function tooLong(path: string, number: number): LachesisError {
  return new LachesisError('invalid_input', `${path}:${number} has no line break in 256 MiB.`, {
    reason: 'TASK_FILE_LINE',
    remedy: 'Write one JSON value per line.',
  });
}
