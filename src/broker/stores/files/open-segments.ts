import path from 'node:path';
import { LachesisError } from '../../../errors.ts';
import { storeDamaged } from '../refusals.ts';
import type { StoreFile } from './file-system.ts';
import {
  isSegmentHeader,
  SEGMENT_HEADER_BYTES,
  segmentName,
  segmentNumber,
} from './segment-format.ts';
import { createSegment, SegmentLog, type SegmentLogContext } from './segment-log.ts';
import { endOfWholeRecords } from './segment-walk.ts';
import type { SegmentUse, StoreIndex } from './store-index.ts';

/** What opening a store put in order. */
export interface StoreRecovery {
  /** Of a last write that was cut off. */
  readonly tornBytes: number;
  /** Whole payloads at the end of the log that no record cites: appended, and not committed in time. */
  readonly uncommittedBytes: number;
  /** Files in which nothing lived. */
  readonly removedSegments: number;
  /** What all of it freed. */
  readonly freedBytes: number;
}

interface LastSegment extends Omit<StoreRecovery, 'removedSegments' | 'freedBytes'> {
  readonly file: StoreFile;
  readonly end: number;
}

/**
 * Opens the log where it was committed to: a longer file is cut back to its last whole record, or
 * to its last live one when garbage is collected; a shorter one is refused.
 */
export async function openSegments(
  context: SegmentLogContext,
  { index, collect }: { readonly index: StoreIndex; readonly collect: boolean },
): Promise<{ readonly log: SegmentLog; readonly recovery: StoreRecovery }> {
  const { folder, fileSystem, segments } = context;
  const sizes = await segmentSizes(context);
  const uses = new Map(index.segments().map((use) => [use.segment, use]));
  for (const use of uses.values()) assertHeld(folder, use, sizes.get(use.segment));
  const number = Math.max(1, ...sizes.keys());
  const last = await lastSegment(context, { number, use: uses.get(number), collect });
  let removedSegments = 0;
  let freedBytes = Math.max(0, (sizes.get(number) ?? 0) - last.end);
  for (const [each, bytes] of sizes) {
    const use = uses.get(each);
    if (each === number || use !== undefined) continue;
    await fileSystem.remove(path.join(folder, segmentName(each)));
    removedSegments += 1;
    freedBytes += bytes;
  }
  for (const [each, use] of uses) {
    if (each !== number) segments.add(each, { ...use, bytes: sizes.get(each) ?? 0 });
  }
  const { file, end, tornBytes, uncommittedBytes } = last;
  segments.add(number, { ...uses.get(number), bytes: end });
  return {
    log: new SegmentLog(context, { number, file, end }),
    recovery: Object.freeze({ tornBytes, uncommittedBytes, removedSegments, freedBytes }),
  };
}

/** The segment files of a folder, by number. */
export async function segmentSizes({
  folder,
  fileSystem,
}: Pick<SegmentLogContext, 'folder' | 'fileSystem'>): Promise<ReadonlyMap<number, number>> {
  const files = await fileSystem.list(folder);
  return new Map(
    files.flatMap(({ name, bytes }) => {
      const number = segmentNumber(name);
      return number === undefined ? [] : [[number, bytes] as const];
    }),
  );
}

async function lastSegment(
  context: SegmentLogContext,
  options: {
    readonly number: number;
    readonly use: SegmentUse | undefined;
    readonly collect: boolean;
  },
): Promise<LastSegment> {
  const { folder, fileSystem, storeId } = context;
  const { number, use, collect } = options;
  const name = path.join(folder, segmentName(number));
  const isThere = (await segmentSizes(context)).has(number);
  if (isThere) {
    const file = await fileSystem.open(name, 'write');
    const size = await file.size();
    if (isSegmentHeader(await file.read(SEGMENT_HEADER_BYTES, 0), number, storeId)) {
      const from = use?.liveEnd ?? SEGMENT_HEADER_BYTES;
      const whole = await endOfWholeRecords(file, from, size);
      const end = collect ? from : whole;
      await file.truncate(end);
      return { file, end, tornBytes: size - whole, uncommittedBytes: whole - from };
    }
    await file[Symbol.asyncDispose]();
    if (use !== undefined) {
      throw storeDamaged(name, "doesn't begin as a segment of this store", RESTORE);
    }
    // It was being made when the process ended.
    await fileSystem.remove(name);
  }
  const file = await createSegment(context, number);
  return { file, end: SEGMENT_HEADER_BYTES, tornBytes: 0, uncommittedBytes: 0 };
}

const RESTORE =
  'Restore it; or move index.db away and run `lachesis store reindex`, which restores what is left.';

function assertHeld(folder: string, use: SegmentUse, bytes: number | undefined): void {
  if (bytes !== undefined && bytes >= use.liveEnd) return;
  const name = path.join(folder, segmentName(use.segment));
  const is = bytes === undefined ? 'is missing' : `has ${bytes} bytes`;
  throw new LachesisError(
    'infrastructure_error',
    `${name} ${is}, and ${use.liveEnd} were committed.`,
    {
      reason: 'SEGMENT_SHORT',
      remedy: RESTORE,
      metadata: { segment: String(use.segment), committed: String(use.liveEnd) },
    },
  );
}
