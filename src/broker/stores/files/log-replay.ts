import path from 'node:path';
import type { StoreFileSystem } from './file-system.ts';
import { encodeLogHeader, LOG_HEADER_BYTES, logName, logNumber } from './log-format.ts';
import { type WalkedFrame, walkFrames } from './log-walk.ts';
import type { StoreIndex } from './store-index.ts';

/** What the commit log of a store says, as far as it can be read. */
export interface Replay {
  /** Files read, from one that tells all that there was. */
  readonly firstLog: number;
  readonly lastLog: number;
  /** Where the whole frames of the last one end, and what follows them. */
  readonly logEnd: number;
  readonly tornBytes: number;
  readonly sequence: number;
  readonly records: number;
  /** Commits that are missing between others. */
  readonly missingCommits: number;
  /** Whether it goes back to the beginning, or to a file that took up all that there was. */
  readonly isWhole: boolean;
}

export interface ReplaySource {
  readonly folder: string;
  readonly storeId: Uint8Array;
  readonly fileSystem: StoreFileSystem;
  readonly signal: AbortSignal;
}

interface LogEnd {
  readonly lastLog: number;
  readonly logEnd: number;
}

/**
 * Replays the commit log into an empty index. `until` is how far the last file counts; without it, to
 * its last whole frame. Undefined when there is no log.
 */
export async function replayLog(
  source: ReplaySource,
  index: StoreIndex,
  until?: LogEnd,
): Promise<Replay | undefined> {
  const files = await source.fileSystem.list(source.folder);
  const all = files
    .flatMap(({ name }) => logNumber(name) ?? [])
    .filter((number) => until === undefined || number <= until.lastLog)
    .sort((a, b) => a - b);
  const last = all.at(-1);
  if (last === undefined) return undefined;
  const complete = await lastComplete(source, all, until);
  const numbers = all.filter((number) => number >= (complete ?? 0));
  const firstLog = numbers[0]!;
  let sequence = 0;
  let records = 0;
  let missingCommits = 0;
  let logEnd = 0;
  for (const number of numbers) {
    logEnd = 0;
    for await (const { frame, end } of framesOf(source, number, until)) {
      logEnd = end;
      if (frame.kind === 'commit') {
        if (sequence > 0) missingCommits += Math.max(0, frame.sequence - sequence - 1);
        sequence = frame.sequence;
      }
      sequence = Math.max(sequence, frame.sequence);
      if (frame.kind === 'complete') continue;
      records += index.transaction(() => index.apply(frame.change));
    }
  }
  const bytes = files.find(({ name }) => name === logName(last))?.bytes ?? 0;
  return {
    ...{ firstLog, lastLog: last, logEnd, sequence, records, missingCommits },
    tornBytes: bytes - logEnd,
    isWhole: (complete !== undefined || firstLog === 1) && isUnbroken(numbers),
  };
}

function isUnbroken(numbers: readonly number[]): boolean {
  return numbers.every((number, index) => number === numbers[0]! + index);
}

/** The newest file that took up all that there was. */
async function lastComplete(
  source: ReplaySource,
  numbers: readonly number[],
  until: LogEnd | undefined,
): Promise<number | undefined> {
  for (const number of numbers.toReversed()) {
    for await (const { frame } of framesOf(source, number, until)) {
      if (frame.kind === 'complete') return number;
    }
  }
  return undefined;
}

/** The whole frames of a file, to the first that is none or does not count. */
async function* framesOf(
  source: ReplaySource,
  number: number,
  until: LogEnd | undefined,
): AsyncIterable<WalkedFrame> {
  const { folder, storeId, fileSystem, signal } = source;
  const file = await fileSystem.open(path.join(folder, logName(number)), 'read');
  try {
    const header = await file.read(LOG_HEADER_BYTES, 0);
    if (!encodeLogHeader(number, storeId).equals(header)) return;
    const size = await file.size();
    const end = until?.lastLog === number ? Math.min(size, until.logEnd) : size;
    for await (const walked of walkFrames(file, { from: LOG_HEADER_BYTES, until: end })) {
      signal.throwIfAborted();
      yield walked;
    }
  } finally {
    await file.close();
  }
}
