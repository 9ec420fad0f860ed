import { existsSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { LachesisError } from '../../../errors.ts';
import { lostRecord } from '../lost-payloads.ts';
import { storeDamaged } from '../refusals.ts';
import { nodeFileSystem } from './file-system.ts';
import { LOG_HEADER_BYTES } from './log-format.ts';
import { replayLog } from './log-replay.ts';
import { NO_CHANGE } from './logged-change.ts';
import { PayloadCheck } from './payload-check.ts';
import { takeStoreFolder } from './store-folder.ts';
import { StoreIndex } from './store-index.ts';
import { typedFailures } from './typed-failures.ts';

export interface StoreReindex {
  readonly records: number;
  readonly payloads: number;
  readonly commits: number;
  /** Whether the commit log told all of it. */
  readonly isWhole: boolean;
  readonly missingCommits: number;
  /** Payloads that are damaged or gone: they and the records of their labels were left out, which is noted. */
  readonly lost: readonly { readonly label: string; readonly problem: string }[];
}

/**
 * Makes a lost index anew from the commit log, and leaves out what its segments no longer hold. The
 * store is not changed until all of it is read. Throws failed_precondition when there is an index.
 */
export function reindexStore(
  folder: string,
  { signal }: { readonly signal: AbortSignal },
): Promise<StoreReindex> {
  return typedFailures(folder, () => reindex(folder, signal));
}

async function reindex(given: string, signal: AbortSignal): Promise<StoreReindex> {
  using folder = await takeStoreFolder(given, 'open');
  const { indexFile, storeId } = folder;
  if (existsSync(indexFile)) throw indexPresent(indexFile);
  // What is left of a lost one belongs to it alone.
  await Promise.all(['-wal', '-shm'].map((end) => rm(indexFile + end, { force: true })));
  const unfinished = `${indexFile}.new`;
  const remove = (): Promise<unknown> =>
    Promise.all(['', '-wal', '-shm'].map((end) => rm(unfinished + end, { force: true })));
  await remove();
  try {
    const report = await rebuild(unfinished, { ...{ folder: folder.folder, storeId, signal } });
    await syncFile(unfinished);
    await rename(unfinished, indexFile);
    await nodeFileSystem.syncFolder(folder.folder);
    return report;
  } finally {
    await remove();
  }
}

async function rebuild(
  file: string,
  where: {
    readonly folder: string;
    readonly storeId: Uint8Array;
    readonly signal: AbortSignal;
  },
): Promise<StoreReindex> {
  const { folder, signal } = where;
  using index = StoreIndex.open(file, 'none');
  const replay = await replayLog({ ...where, fileSystem: nodeFileSystem }, index);
  if (replay === undefined) {
    throw storeDamaged(folder, 'has no commit log', 'Restore its .log files.');
  }
  await using check = new PayloadCheck(folder, nodeFileSystem);
  const lost: { label: string; problem: string }[] = [];
  let payloads = 0;
  let { records } = replay;
  for (const page of index.payloadPages()) {
    for (const citation of page) {
      signal.throwIfAborted();
      const problem = await check.problemOf(citation);
      payloads += 1;
      if (problem === undefined) continue;
      payloads -= 1;
      const { label } = citation;
      lost.push({ label, problem });
      const put = [lostRecord(citation, label)];
      const change = { ...NO_CHANGE, remove: [label], put, releases: [citation] };
      records += index.transaction(() => index.apply(change));
    }
  }
  const { sequence, firstLog, lastLog, logEnd, missingCommits, isWhole } = replay;
  index.transaction(() => {
    // Of a log that no longer says what the index does, a new one is made when it is opened.
    const isTrue = isWhole && lost.length === 0;
    index.setState({
      ...{ sequence, lastLog, logEnd, records },
      firstLog: isTrue ? firstLog : firstLog - 1,
      logSynced: LOG_HEADER_BYTES,
    });
  });
  return { records, payloads, commits: sequence, isWhole, missingCommits, lost };
}

async function syncFile(file: string): Promise<void> {
  const handle = await open(file, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function indexPresent(file: string): LachesisError {
  return new LachesisError('failed_precondition', `${path.basename(file)} is there.`, {
    reason: 'INDEX_PRESENT',
    remedy: `To make it anew nevertheless, move ${file} away, and the -wal beside it.`,
  });
}
