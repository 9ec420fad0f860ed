import { statfs } from 'node:fs/promises';
import { nodeFileSystem } from './file-system.ts';
import { logNumber } from './log-format.ts';
import { assertIndexed, openStoreOn } from './open.ts';
import type { StoreRecovery } from './open-segments.ts';
import { segmentNumber } from './segment-format.ts';
import { takeStoreFolder } from './store-folder.ts';
import { indexEmpty, StoreIndex } from './store-index.ts';
import { typedFailures } from './typed-failures.ts';

/** What a store holds, as its index says; no payload is read. */
export interface StoreFigures {
  readonly commits: number;
  readonly records: number;
  readonly payloads: number;
  readonly liveBytes: number;
  /** Held in segments, and cited by nobody. */
  readonly garbageBytes: number;
  readonly segments: number;
  readonly segmentBytes: number;
  readonly logBytes: number;
  readonly indexBytes: number;
  readonly freeDiskBytes: number;
}

/** Changes nothing. No process may have it open. */
export function readStoreFigures(folder: string): Promise<StoreFigures> {
  return typedFailures(folder, () => figures(folder));
}

async function figures(given: string): Promise<StoreFigures> {
  using folder = await takeStoreFolder(given, 'open');
  await assertIndexed(folder, nodeFileSystem);
  using index = StoreIndex.read(folder.indexFile);
  if (index === undefined) throw indexEmpty(folder);
  const files = await nodeFileSystem.list(folder.folder);
  const bytesOf = (isCounted: (name: string) => boolean): number =>
    files.reduce((sum, { name, bytes }) => sum + (isCounted(name) ? bytes : 0), 0);
  const isSegment = (name: string): boolean => segmentNumber(name) !== undefined;
  const uses = index.segments();
  const { sequence, records } = index.state();
  const liveBytes = uses.reduce((sum, use) => sum + use.liveBytes, 0);
  const segmentBytes = bytesOf(isSegment);
  const { bavail, bsize } = await statfs(folder.folder);
  return {
    commits: sequence,
    records,
    payloads: uses.reduce((sum, use) => sum + use.payloads, 0),
    liveBytes,
    garbageBytes: Math.max(0, segmentBytes - liveBytes),
    segments: files.filter(({ name }) => isSegment(name)).length,
    segmentBytes,
    logBytes: bytesOf((name) => logNumber(name) !== undefined),
    indexBytes: bytesOf((name) => name.startsWith('index.db')),
    freeDiskBytes: bavail * bsize,
  };
}

/** Frees what no record cites: files in which nothing lives, and the end of the last one. */
export async function collectStore(given: string): Promise<StoreRecovery> {
  const store = await openStoreOn(given, { use: 'open', collect: true });
  await store.close();
  return store.recovery;
}
