import path from 'node:path';
import { LachesisError } from '../../../errors.ts';
import type { StoreFileSystem } from './file-system.ts';
import { LOG_HEADER_BYTES, logName, logNumber } from './log-format.ts';
import { walkFrames } from './log-walk.ts';
import type { IndexState } from './store-index.ts';

interface LogFolder {
  readonly folder: string;
  readonly fileSystem: StoreFileSystem;
}

/**
 * How many commits an index lacks that its log has; 0 for one to go on with. Whatever is committed is in the
 * log first and in the index a moment later, so the log is one commit ahead at most, and nothing that it
 * took up from the index is newer than that. An index that is further behind is an older one, or lost its
 * end: to go on with it would cut off what was committed, and remove segments that live.
 */
export async function commitsBehind(
  { fileSystem, folder }: LogFolder,
  { firstLog, lastLog, logEnd, sequence }: IndexState,
): Promise<number> {
  let committed = sequence;
  let takenUp = sequence;
  for (const { name } of await fileSystem.list(folder)) {
    const number = logNumber(name);
    if (number === undefined) continue;
    if (number < firstLog || (number < lastLog && logEnd > 0)) continue;
    const from = number === lastLog && logEnd > 0 ? logEnd : LOG_HEADER_BYTES;
    await using file = await fileSystem.open(path.join(folder, logName(number)), 'read');
    const until = await file.size();
    for await (const { frame } of walkFrames(file, { from, until })) {
      if (frame.kind === 'commit') committed = Math.max(committed, frame.sequence);
      else takenUp = Math.max(takenUp, frame.sequence);
    }
  }
  return Math.max(committed > sequence + 1 ? committed - sequence : 0, takenUp - sequence);
}

/** Throws failed_precondition; nothing is changed before. */
export async function assertNotBehind(folder: LogFolder, state: IndexState): Promise<void> {
  const behind = await commitsBehind(folder, state);
  if (behind === 0) return;
  throw new LachesisError(
    'failed_precondition',
    `The index of ${folder.folder} lacks ${behind} commits that its log has.`,
    { reason: 'INDEX_BEHIND', remedy: remedyBehind(folder.folder) },
  );
}

export function remedyBehind(folder: string): string {
  return `Move index.db and what begins with its name away, and run \`lachesis store reindex ${folder}\`: it lost its -wal file, or is an older copy.`;
}
