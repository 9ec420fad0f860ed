import { existsSync } from 'node:fs';
import { LachesisError } from '../../../errors.ts';
import { Breakage } from './breakage.ts';
import { CommitLog } from './commit-log.ts';
import { nodeFileSystem, type StoreFileSystem } from './file-system.ts';
import { type FilesStore, OpenFilesStore } from './files-store.ts';
import { assertNotBehind } from './index-behind.ts';
import { IndexSync } from './index-sync.ts';
import { logNumber } from './log-format.ts';
import { openSegments } from './open-segments.ts';
import { type FilesStoreOptions, resolveFilesStoreOptions } from './options.ts';
import { segmentNumber } from './segment-format.ts';
import { Segments } from './segments.ts';
import { type StoreFolder, takeStoreFolder } from './store-folder.ts';
import { StoreIndex } from './store-index.ts';
import { typedFailures } from './typed-failures.ts';

/** What only tests and commands choose. */
export interface OpenOptions extends FilesStoreOptions {
  /** Default: the disk. */
  readonly fileSystem?: StoreFileSystem;
  /** Cut off what no record cites, too. */
  readonly collect?: boolean;
  /** Whether a store is begun where there is none. Default: make. */
  readonly use?: 'open' | 'make';
}

/**
 * Opens the store in a folder, and begins one where the folder is empty or missing. One process at a
 * time: a second one is refused with failed_precondition LOCKED.
 */
export function openFilesStore(
  folder: string,
  options: FilesStoreOptions = {},
): Promise<FilesStore> {
  return openStoreOn(folder, options);
}

/** As {@link openFilesStore}, with what only tests and commands choose. */
export function openStoreOn(given: string, options: OpenOptions): Promise<FilesStore> {
  return typedFailures(given, () => open(given, options));
}

async function open(given: string, options: OpenOptions): Promise<FilesStore> {
  const config = resolveFilesStoreOptions(options);
  const { fileSystem = nodeFileSystem, collect = false, use = 'make' } = options;
  await using opened = new AsyncDisposableStack();
  const folder = opened.use(await takeStoreFolder(given, use));
  await assertIndexed(folder, fileSystem);
  const index = opened.use(StoreIndex.open(folder.indexFile, config.durability));
  const breakage = new Breakage();
  const segments = new Segments();
  const { durability, segmentBytes, logBytes } = config;
  const { storeId } = folder;
  const isSynced = durability === 'commit';
  const files = { folder: folder.folder, storeId, fileSystem, breakage, isSynced };
  // Before segments that such an index knows nothing of are taken for garbage.
  await assertNotBehind(files, index.state());
  const { log, recovery } = await openSegments(
    { ...files, segments, segmentBytes },
    { index, collect },
  );
  opened.use(log);
  const indexSync = isSynced
    ? opened.use(await IndexSync.take(index, { fileSystem, breakage }))
    : undefined;
  const commitLog = await CommitLog.open(files, { index, indexSync, rewriteBytes: logBytes });
  const parts = { folder, config, fileSystem, breakage, index, indexSync, segments, recovery };
  opened.move();
  return new OpenFilesStore({ ...parts, commitLog, segmentLog: log });
}

/** An empty index beside a full log would call all of it garbage. */
export async function assertIndexed(
  { folder, indexFile }: StoreFolder,
  fileSystem: StoreFileSystem,
): Promise<void> {
  if (existsSync(indexFile)) return;
  const files = await fileSystem.list(folder);
  const log = files.find(({ name }) => (segmentNumber(name) ?? logNumber(name)) !== undefined);
  if (log === undefined) return;
  throw new LachesisError(
    'failed_precondition',
    `${indexFile} is missing, and ${log.name} is there.`,
    {
      reason: 'INDEX_MISSING',
      remedy: `Run \`lachesis store reindex ${folder}\`, which makes it anew.`,
    },
  );
}
