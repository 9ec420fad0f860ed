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
 * log first and in the index a moment later, and the next commit waits until the disk has that. So with the
 * power an index loses one commit at most, which a new log may have taken up by then; the log that the
 * index goes on with is still there then. An index that is further behind is an older one, or lost its end:
 * to go on with it would cut off what was committed, and remove segments that live.
 */
export async function commitsBehind(
  { fileSystem, folder }: LogFolder,
  { firstLog, lastLog, logEnd, sequence }: IndexState,
): Promise<number> {
  let committed = sequence;
  let takenUp = sequence;
  let hasLast = false;
  for (const { name } of await fileSystem.list(folder)) {
    const number = logNumber(name);
    if (number === undefined) continue;
    if (number === lastLog) hasLast = true;
    if (number < firstLog || (number < lastLog && logEnd > 0)) continue;
    const from = number === lastLog && logEnd > 0 ? logEnd : LOG_HEADER_BYTES;
    await using file = await fileSystem.open(path.join(folder, logName(number)), 'read');
    const until = await file.size();
    for await (const { frame } of walkFrames(file, { from, until })) {
      if (frame.kind === 'commit') committed = Math.max(committed, frame.sequence);
      else takenUp = Math.max(takenUp, frame.sequence);
    }
  }
  const spare = hasLast && logEnd > 0 ? 1 : 0;
  const behind = Math.max(committed - 1, takenUp - spare) > sequence;
  return behind ? Math.max(committed, takenUp) - sequence : 0;
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
