import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import path from 'node:path';
import { errorMessage, invalidInput, LachesisError } from '../../../errors.ts';
import { LockFile } from '../../../files/index.ts';
import { storeDamaged } from '../refusals.ts';
import { nodeFileSystem } from './file-system.ts';
import { fromTheFuture } from './store-index.ts';

export const FORMAT_VERSION = 1;

const META_NAME = 'store.json';
const LOCK_NAME = 'store.lock';
const INDEX_NAME = 'index.db';
const FORMAT = 'lachesis.store';

/** A store's folder, for this process alone until it is disposed of. */
export interface StoreFolder extends Disposable {
  readonly folder: string;
  /** 16 bytes that stand in each of its files: one of another store is not taken for its own. */
  readonly storeId: Uint8Array;
  readonly indexFile: string;
}

export type FolderUse = 'open' | 'make';

/**
 * Takes the folder. `make` also makes it, in a folder that exists, and begins a store where it is
 * empty. Throws failed_precondition LOCKED while another process has it.
 */
export async function takeStoreFolder(given: string, use: FolderUse): Promise<StoreFolder> {
  const folder = usableFolder(given, use);
  using taken = new DisposableStack();
  const lock = taken.use(await LockFile.take(path.join(folder, LOCK_NAME), `The store ${folder}`));
  const meta = path.join(folder, META_NAME);
  if (!existsSync(meta)) {
    if (use === 'open') throw noStore(folder);
    assertEmpty(folder);
    await writeMeta(meta);
  }
  const storeId = readStoreId(meta);
  taken.move();
  const indexFile = path.join(folder, INDEX_NAME);
  return { folder, storeId, indexFile, [Symbol.dispose]: () => lock[Symbol.dispose]() };
}

/** Not made recursively: under /proc, Node's recursive mkdir never ends. */
function usableFolder(given: string, use: FolderUse): string {
  const folder = path.resolve(given);
  try {
    if (use === 'make' && !existsSync(folder)) mkdirSync(folder);
  } catch (error) {
    throw invalidInput('store', `${folder} can't be made: ${errorMessage(error)}.`, {
      remedy: 'Give a folder whose parent exists.',
      cause: error,
    });
  }
  if (!existsSync(folder)) throw noStore(folder);
  if (statSync(folder).isDirectory()) return folder;
  throw invalidInput('store', `${folder} is not a folder.`);
}

function noStore(folder: string): LachesisError {
  return new LachesisError('not_found', `There is no store in ${folder}.`, {
    reason: 'STORE_NOT_FOUND',
    remedy: 'Give the folder that a server keeps its store in.',
  });
}

function assertEmpty(folder: string): void {
  const others = readdirSync(folder).filter((name) => !name.startsWith(LOCK_NAME));
  const [other] = others.filter((name) => !name.startsWith(META_NAME));
  if (other === undefined) return;
  throw invalidInput('store', `${folder} holds ${other} and no ${META_NAME}: it is no store.`, {
    remedy: 'Give a folder that is empty, or restore that file.',
  });
}

async function writeMeta(file: string): Promise<void> {
  const unfinished = `${file}.new`;
  const handle = await open(unfinished, 'w');
  try {
    const meta = { format: FORMAT, version: FORMAT_VERSION, id: randomUUID() };
    await handle.writeFile(`${JSON.stringify(meta)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(unfinished, file);
  const folder = path.dirname(file);
  await nodeFileSystem.syncFolder(folder);
  // The folder's own name; one that others own may not be open to us.
  await nodeFileSystem.syncFolder(path.dirname(folder)).catch(() => {});
}

function readStoreId(file: string): Uint8Array {
  let meta: { readonly format?: unknown; readonly version?: unknown; readonly id?: unknown };
  try {
    meta = JSON.parse(readFileSync(file, 'utf8')) as typeof meta;
  } catch (error) {
    throw storeDamaged(file, `can't be read: ${errorMessage(error)}`, 'Restore it.');
  }
  if (typeof meta?.version === 'number' && meta.version > FORMAT_VERSION) {
    throw fromTheFuture(file, meta.version, FORMAT_VERSION);
  }
  const hex = String(meta?.id).replaceAll('-', '');
  if (meta?.format !== FORMAT || !/^[0-9a-f]{32}$/.test(hex)) {
    throw storeDamaged(file, "doesn't say what store this is", 'Restore it.');
  }
  return Buffer.from(hex, 'hex');
}
