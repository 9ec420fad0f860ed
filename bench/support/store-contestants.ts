import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openFilesStore, type PayloadRef } from '../../src/broker/index.ts';

/** Whoever keeps payloads durably. */
export interface Keeper {
  /** Resolves once it is on the disk, and so is the record that cites it. */
  put(key: string, payload: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

const { signal } = new AbortController();
const encoder = new TextEncoder();
/** About what a broker says of a group. */
const ABOUT = 'x'.repeat(120);

/** What came up in one turn of the event loop is done together. */
function gathered<Item>(
  work: (items: readonly Item[]) => void | Promise<void>,
): (item: Item) => Promise<void> {
  let items: Item[] = [];
  let done: Promise<void> | undefined;
  return (item) => {
    items.push(item);
    done ??= Promise.resolve().then(() => {
      const all = items;
      items = [];
      done = undefined;
      return work(all);
    });
    return done;
  };
}

async function files(folder: string, isGathered: boolean): Promise<Keeper> {
  const store = await openFilesStore(folder);
  const commit = async (
    cited: readonly { readonly key: string; readonly ref: PayloadRef }[],
  ): Promise<void> => {
    store.commit({
      put: cited.map(({ key, ref }) => ({
        key,
        value: encoder.encode(JSON.stringify({ ...ref, about: ABOUT })),
      })),
      cites: cited.map(({ ref }) => ref),
    });
    await store.synced?.();
  };
  const commitTogether = gathered(commit);
  return {
    put: async (key, payload) => {
      const [ref] = await store.append([{ label: key, chunks: [payload] }], { signal });
      if (isGathered) await commitTogether({ key, ref: ref! });
      else await commit([{ key, ref: ref! }]);
    },
    close: () => store.close(),
  };
}

/** The payload as a BLOB, one transaction for all that waits, as durable as ours. */
async function sqlite(folder: string): Promise<Keeper> {
  const database = new DatabaseSync(path.join(folder, 'blobs.db'));
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
  database.exec('CREATE TABLE groups (key TEXT PRIMARY KEY, about TEXT, payload BLOB) STRICT');
  const insert = database.prepare('INSERT INTO groups VALUES (?, ?, ?)');
  const put = gathered<readonly [string, Uint8Array]>((items) => {
    database.exec('BEGIN');
    for (const [key, payload] of items) insert.run(key, ABOUT, payload);
    database.exec('COMMIT');
  });
  return {
    put: (key, payload) => put([key, payload]),
    close: async () => database.close(),
  };
}

export const KEEPERS: Readonly<Record<string, (folder: string) => Promise<Keeper>>> = {
  files: (folder) => files(folder, false),
  filesGathered: (folder) => files(folder, true),
  sqliteBlobs: sqlite,
};
