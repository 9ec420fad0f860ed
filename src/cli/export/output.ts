import { once } from 'node:events';
import { createWriteStream, mkdirSync, openSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { finished } from 'node:stream/promises';
import { errorMessage, invalidInput, type LachesisError } from '../../errors.ts';

/**
 * Makes a file by `write`, which is given a path beside it: the file appears whole, or not at all,
 * and what stood there before stays until then.
 */
export async function replaceFile(
  file: string,
  write: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = `${file}.${process.pid}.partial`;
  try {
    mkdirSync(path.dirname(path.resolve(file)), { recursive: true });
    await write(temporary);
    await rename(temporary, file);
  } catch (error) {
    // What went wrong first is what is told.
    await rm(temporary, { force: true }).catch(() => {});
    throw isOfFileSystem(error) ? unwritable(error) : error;
  }
}

/** Writes lines as fast as the disk takes them. */
export async function writeLines(file: string, lines: AsyncIterable<string>): Promise<void> {
  const stream = createWriteStream(file, { fd: openSync(file, 'w') });
  // Told by `once` or `finished`; without a listener it would end the process.
  stream.on('error', () => {});
  try {
    for await (const line of lines) {
      if (!stream.write(`${line}\n`)) await once(stream, 'drain');
    }
    stream.end();
    await finished(stream);
  } finally {
    stream.destroy();
  }
}

function isOfFileSystem(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}

function unwritable(error: unknown): LachesisError {
  return invalidInput('--out', `can't be written: ${errorMessage(error)}.`, {
    remedy: 'Give the path of a file, or - for standard output.',
    cause: error,
  });
}
