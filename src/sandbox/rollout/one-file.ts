import path from 'node:path';
import { invalidInput, LachesisError } from '../../errors.ts';
import type { Sandbox, TransferOptions } from '../contract/sandbox.ts';
import { outputText } from '../exec/output-text.ts';
import { archiveEntries, entryBody } from './archive-entries.ts';
import { packEntries } from './pack-from-host.ts';

type Files = Pick<Sandbox, 'exec' | 'getArchive' | 'putArchive' | 'stat'>;

/** Reads a file byte for byte, following links as the sandbox would. */
export async function readOneFile(
  sandbox: Files,
  start: string,
  options: TransferOptions & { readonly maxBytes: number },
): Promise<Uint8Array> {
  const found = await lookAt(sandbox, start, start, options);
  if (found !== 'link') return found;
  const behind = await lookAt(sandbox, await resolved(sandbox, start, options), start, options);
  if (behind !== 'link') return behind;
  throw notThatFile(start, 'is a link that changes as it is read', 'NOT_A_FILE');
}

/** Where a path leads, by the sandbox's own word. */
async function resolved(sandbox: Files, at: string, { signal }: TransferOptions): Promise<string> {
  const { exitCode, stdout } = await sandbox.exec(
    { argv: ['readlink', '-f', '--', at], cwd: '/' },
    { timeoutMs: 10_000, maxOutputBytes: 8_192, ...(signal === undefined ? {} : { signal }) },
  );
  signal?.throwIfAborted();
  // It ends its line; the name itself may end in one too.
  const target = outputText(stdout).replace(/\n$/, '');
  if (exitCode === 0 && target.startsWith('/')) return target;
  throw notThatFile(at, 'is a link to nothing', 'NOT_A_FILE');
}

async function lookAt(
  sandbox: Files,
  at: string,
  asked: string,
  options: TransferOptions & { readonly maxBytes: number },
): Promise<Uint8Array | 'link'> {
  const { maxBytes, signal } = options;
  const bound = signal === undefined ? {} : { signal };
  try {
    for await (const entry of archiveEntries(sandbox.getArchive(at, bound))) {
      const { type = 'file', size, pax = {} } = entry.header;
      if (type === 'symlink') return 'link';
      if (type !== 'file' || Object.keys(pax).some((key) => key.startsWith('GNU.sparse.'))) {
        throw notThatFile(asked, `is a ${type}, and no file`, 'NOT_A_FILE');
      }
      if (size > maxBytes) throw tooLarge(asked, size, maxBytes);
      const pieces: Uint8Array[] = [];
      for await (const bytes of entryBody(entry)) pieces.push(bytes);
      return Buffer.concat(pieces);
    }
  } catch (error) {
    const isArchive = error instanceof LachesisError && error.reason === 'ARCHIVE_FAILED';
    if (isArchive && (await sandbox.stat(at, bound)) === undefined) {
      throw new LachesisError('not_found', `There is no ${asked} in the sandbox.`, {
        reason: 'FILE_NOT_FOUND',
        cause: error,
      });
    }
    throw error;
  }
  throw notThatFile(asked, 'gave an empty archive', 'ARCHIVE_DAMAGED');
}

/** Writes a file with the folders it is in. What was there, a link as well, is replaced. */
export async function writeOneFile(
  sandbox: Files,
  at: string,
  content: Uint8Array,
  { mode = 0o644, signal }: TransferOptions & { readonly mode?: number },
): Promise<void> {
  const { dir, base } = path.posix.parse(at);
  const tar = packEntries((add) =>
    add({ name: base, type: 'file', size: content.length, mode, mtime: new Date() }, [content]),
  );
  const bound = signal === undefined ? {} : { signal };
  try {
    await sandbox.putArchive(dir, tar, bound);
  } catch (error) {
    if (!(error instanceof LachesisError) || error.reason !== 'ARCHIVE_FAILED') throw error;
    const isFolder = (await sandbox.stat(at, bound))?.type === 'directory';
    const why = isFolder ? 'it is a folder' : whyNotWritten(error.message);
    throw new LachesisError('failed_precondition', `${at} could not be written: ${why}.`, {
      reason: 'FILE_NOT_WRITTEN',
      cause: error,
    });
  }
}

/** In the file's words: that an archive is its way is nothing to whoever writes it. */
function whyNotWritten(complaint: string): string {
  // Such as `tar: passwd: Cannot open: File exists`; the last line of tar only says that there was one.
  const line = complaint.split('\n').find((each) => !each.includes('Exiting with')) ?? '';
  const said = /: ([^:]+)$/.exec(line)?.[1]?.trim() ?? '';
  if (said === 'Not a directory' || (said === 'File exists' && line.includes('mkdir'))) {
    return 'a folder of its path is a file';
  }
  // It could neither be removed nor written over.
  if (said === 'File exists') return 'what is there may not be replaced';
  return said === '' ? 'the sandbox did not say why' : said.toLowerCase();
}

/** What can only be a folder; once the path is resolved its end is lost. */
export function namesFolder(given: string): boolean {
  return /\/\.{0,2}$|^\.{1,2}$/.test(given);
}

export function folderNamed(given: string, field: string): LachesisError {
  return invalidInput(field, `${JSON.stringify(given)} names a folder; name a file.`);
}

function notThatFile(at: string, why: string, reason: string): LachesisError {
  return new LachesisError('failed_precondition', `${at} ${why}.`, { reason });
}

function tooLarge(at: string, size: number, maxBytes: number): LachesisError {
  return new LachesisError(
    'resource_exhausted',
    `${at} is ${size} bytes long; ${maxBytes} may be read.`,
    { reason: 'FILE_TOO_LARGE', remedy: 'Give a larger `maxBytes`, or `download` it.' },
  );
}
