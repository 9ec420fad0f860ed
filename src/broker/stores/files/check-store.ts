import path from 'node:path';
import { differences } from './compare-indexes.ts';
import { nodeFileSystem, type StoreFile } from './file-system.ts';
import { commitsBehind, remedyBehind } from './index-behind.ts';
import { replayLog } from './log-replay.ts';
import { assertIndexed } from './open.ts';
import { segmentSizes } from './open-segments.ts';
import { PayloadCheck } from './payload-check.ts';
import { isSegmentHeader, SEGMENT_HEADER_BYTES, segmentName } from './segment-format.ts';
import { endOfWholeRecords } from './segment-walk.ts';
import { type StoreFolder, takeStoreFolder } from './store-folder.ts';
import { indexEmpty, type SegmentUse, StoreIndex } from './store-index.ts';
import { typedFailures } from './typed-failures.ts';

/** Of more, only the number is told. */
const MAX_PROBLEMS = 100;

export interface StoreProblem {
  /** `segment`: what a broker kept is damaged. `index`, `log`: one of its two directories is. */
  readonly kind: 'segment' | 'index' | 'log';
  readonly message: string;
  /** Key of the record that cites what is damaged. */
  readonly label?: string;
}

export interface StoreCheck {
  readonly segments: number;
  readonly records: number;
  readonly payloads: number;
  readonly liveBytes: number;
  /** Held, and cited by nobody. */
  readonly garbageBytes: number;
  /** Of a last write that was cut off: no loss, and gone when it is opened. */
  readonly tornBytes: number;
  readonly problemCount: number;
  readonly problems: readonly StoreProblem[];
}

/** Reads all that lives in a store and changes nothing. No process may have it open. */
export function checkStore(
  folder: string,
  { signal }: { readonly signal: AbortSignal },
): Promise<StoreCheck> {
  return typedFailures(folder, () => check(folder, signal));
}

async function check(given: string, signal: AbortSignal): Promise<StoreCheck> {
  using folder = await takeStoreFolder(given, 'open');
  await assertIndexed(folder, nodeFileSystem);
  using index = StoreIndex.read(folder.indexFile);
  if (index === undefined) throw indexEmpty(folder);
  const problems = new Problems();
  for (const line of index.check()) problems.add({ kind: 'index', message: `index.db: ${line}` });
  const segments = await checkSegments(folder, index, problems);
  await checkPayloads(folder, index, problems, signal);
  await checkLog(folder, index, problems, signal);
  const { records } = index.state();
  return { ...segments, records, problemCount: problems.count, problems: problems.first };
}

class Problems {
  count = 0;
  readonly first: StoreProblem[] = [];

  add(problem: StoreProblem): void {
    this.count += 1;
    if (this.first.length < MAX_PROBLEMS) this.first.push(problem);
  }
}

async function checkSegments(
  { folder, storeId }: StoreFolder,
  index: StoreIndex,
  problems: Problems,
): Promise<Omit<StoreCheck, 'records' | 'problems' | 'problemCount'>> {
  const sizes = await segmentSizes({ folder, fileSystem: nodeFileSystem });
  const last = Math.max(...sizes.keys());
  const uses = new Map(index.segments().map((use) => [use.segment, use]));
  let tornBytes = 0;
  for (const [number, bytes] of sizes) {
    const name = segmentName(number);
    await using file = await nodeFileSystem.open(path.join(folder, name), 'read');
    const header = await file.read(SEGMENT_HEADER_BYTES, 0);
    if (isSegmentHeader(header, number, storeId)) {
      if (number === last) tornBytes = await tornAfter(file, uses.get(number), bytes);
    } else if (number !== last || uses.has(number)) {
      const message = `${name} doesn't begin as a segment of this store`;
      problems.add({ kind: 'segment', message });
    } else tornBytes = bytes;
  }
  const all = [...uses.values()];
  const liveBytes = all.reduce((sum, use) => sum + use.liveBytes, 0);
  const held = sizes.values().reduce((sum, bytes) => sum + bytes, 0);
  return {
    segments: sizes.size,
    payloads: all.reduce((sum, use) => sum + use.payloads, 0),
    liveBytes,
    garbageBytes: Math.max(0, held - liveBytes - tornBytes),
    tornBytes,
  };
}

async function tornAfter(
  file: StoreFile,
  use: SegmentUse | undefined,
  bytes: number,
): Promise<number> {
  const from = use?.liveEnd ?? SEGMENT_HEADER_BYTES;
  return from > bytes ? 0 : bytes - (await endOfWholeRecords(file, from, bytes));
}

async function checkPayloads(
  { folder }: StoreFolder,
  index: StoreIndex,
  problems: Problems,
  signal: AbortSignal,
): Promise<void> {
  await using check = new PayloadCheck(folder, nodeFileSystem);
  for (const page of index.payloadPages()) {
    for (const citation of page) {
      signal.throwIfAborted();
      const message = await check.problemOf(citation);
      if (message !== undefined) {
        problems.add({ kind: 'segment', message, label: citation.label });
      }
    }
  }
}

/** Whether a replay would give the same index. */
async function checkLog(
  { folder, storeId }: StoreFolder,
  index: StoreIndex,
  problems: Problems,
  signal: AbortSignal,
): Promise<void> {
  const state = index.state();
  const behind = await commitsBehind({ folder, fileSystem: nodeFileSystem }, state);
  if (behind > 0) {
    const message = `index.db lacks ${behind} commits that its log has, and is refused. ${remedyBehind(folder)}`;
    problems.add({ kind: 'index', message });
  }
  using other = StoreIndex.open('', 'none');
  const source = { folder, storeId, fileSystem: nodeFileSystem, signal };
  const replay = await replayLog(source, other, state);
  if (replay === undefined) {
    if (state.sequence > 0) problems.add({ kind: 'log', message: 'the commit log is missing' });
    return;
  }
  if (!replay.isWhole) {
    problems.add({
      kind: 'log',
      message: "the commit log is damaged, or doesn't reach back to its beginning",
    });
  }
  for (const what of differences(index, other)) {
    problems.add({ kind: 'log', message: `index and commit log differ in ${what}` });
  }
}
