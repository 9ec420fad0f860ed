import { open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { errorMessage, LachesisError } from '../errors.ts';

/**
 * Writes a file so that it is the old one or the new one, whatever happens meanwhile: the process's end
 * and the machine's included. For a file that one process at a time writes; `FILE.new` is where it writes
 * first. Throws infrastructure_error FILE_UNSYNCED when the new one is there and may not outlive the
 * power, and what the file system said when the old one is still there.
 */
export async function replaceFile(file: string, parts: readonly Uint8Array[]): Promise<void> {
  const unfinished = `${file}.new`;
  try {
    await using handle = await open(unfinished, 'w');
    // One after the other: `writev` may write less than it is given.
    for (const part of parts) await handle.writeFile(part);
    await handle.sync();
  } catch (error) {
    await rm(unfinished, { force: true }).catch(() => {});
    throw error;
  }
  await rename(unfinished, file);
  try {
    await syncFolder(path.dirname(file));
  } catch (cause) {
    const message = `${file} was written, and its folder can't be synced: ${errorMessage(cause)}.`;
    throw new LachesisError('infrastructure_error', message, {
      reason: 'FILE_UNSYNCED',
      remedy: 'Look after the disk.',
      cause,
    });
  }
}

async function syncFolder(folder: string): Promise<void> {
  // Windows opens no folders, and keeps its directories in order by itself.
  if (process.platform === 'win32') return;
  await using handle = await open(folder, 'r');
  await handle.sync();
}
