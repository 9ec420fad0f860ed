import path from 'node:path';
import type { StoreFile, StoreFileSystem } from './file-system.ts';
import {
  FRAME_HEADER_BYTES,
  frameLength,
  isLogHeader,
  LOG_HEADER_BYTES,
  logName,
  logNumber,
} from './log-format.ts';
import { type WalkedFrame, walkFrames } from './log-walk.ts';
import type { StoreIndex } from './store-index.ts';

/** What the commit log of a store says, as far as it can be read. */
export interface Replay {
  /** Files read, from one that tells all that there was. */
  readonly firstLog: number;
  readonly lastLog: number;
  /** Where the whole frames of the last one end. */
  readonly logEnd: number;
  readonly sequence: number;
  readonly records: number;
  /** Commits that are missing between others. */
  readonly missingCommits: number;
  /**
   * Whether it goes back to the beginning, or to a file that took up all that there was, and can be
   * read to its end but for a last commit that was cut off.
   */
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
  let isDamaged = false;
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
    isDamaged ||= !(await isReadFrom(source, number, { logEnd, isLast: number === last }, until));
  }
  return {
    ...{ firstLog, lastLog: last, logEnd, sequence, records, missingCommits },
    isWhole: (complete !== undefined || firstLog === 1) && isUnbroken(numbers) && !isDamaged,
  };
}

function isUnbroken(numbers: readonly number[]): boolean {
  return numbers.every((number, index) => number === numbers[0]! + index);
}

/** Whether what follows the whole frames of a file is nothing, or at its very end one that was cut off. */
async function isReadFrom(
  source: ReplaySource,
  number: number,
  { logEnd, isLast }: { readonly logEnd: number; readonly isLast: boolean },
  until: LogEnd | undefined,
): Promise<boolean> {
  await using file = await openLog(source, number);
  const size = await endOf(file, number, until);
  if (size === logEnd) return true;
  const left = size - logEnd;
  if (logEnd === 0) {
    // The file itself was being made, or nothing has been committed to it.
    if (left < LOG_HEADER_BYTES) return true;
    if (!isLogHeader(await file.read(LOG_HEADER_BYTES, 0), number, source.storeId)) return false;
    if (left === LOG_HEADER_BYTES) return true;
  }
  if (!isLast) return false;
  const at = Math.max(logEnd, LOG_HEADER_BYTES);
  const length = frameLength(await file.read(FRAME_HEADER_BYTES, at));
  return size - at < FRAME_HEADER_BYTES || (length !== undefined && at + length > size);
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
  await using file = await openLog(source, number);
  const header = await file.read(LOG_HEADER_BYTES, 0);
  if (!isLogHeader(header, number, source.storeId)) return;
  const end = await endOf(file, number, until);
  for await (const walked of walkFrames(file, { from: LOG_HEADER_BYTES, until: end })) {
    source.signal.throwIfAborted();
    yield walked;
  }
}

function openLog({ folder, fileSystem }: ReplaySource, number: number): Promise<StoreFile> {
  return fileSystem.open(path.join(folder, logName(number)), 'read');
}

/** How far it counts. */
async function endOf(file: StoreFile, number: number, until: LogEnd | undefined): Promise<number> {
  const size = await file.size();
  return until?.lastLog === number ? Math.min(size, until.logEnd) : size;
}
