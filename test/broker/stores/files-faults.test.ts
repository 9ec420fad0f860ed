import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { checkStore } from '../../../src/broker/stores/files/check-store.ts';
import type { FilesStore } from '../../../src/broker/stores/files/files-store.ts';
import { type OpenOptions, openStoreOn } from '../../../src/broker/stores/files/open.ts';
import { readStoreFigures } from '../../../src/broker/stores/files/store-figures.ts';
import type { PayloadRef } from '../../../src/broker/stores/store.ts';
import { bytesOf } from './support/bytes.ts';
import { FaultyFileSystem } from './support/faulty-file-system.ts';
import { expectSound } from './support/files-trial.ts';

const { signal } = new AbortController();
const roots: string[] = [];
afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true });
});

function place(): string {
  const root = mkdtempSync(path.join(tmpdir(), 'lachesis-store-'));
  roots.push(root);
  return path.join(root, 'store');
}

async function opened(options: OpenOptions = {}) {
  const folder = place();
  const fileSystem = new FaultyFileSystem();
  const store = await openStoreOn(folder, { fileSystem, ...options });
  return { folder, fileSystem, store };
}

async function append(store: FilesStore, key: string, bytes: number): Promise<PayloadRef> {
  const payloads = [{ label: key, chunks: [bytesOf(bytes, key.length)] }];
  const [ref] = await store.append(payloads, { signal });
  return ref!;
}

/** Appends and commits one payload under its key. */
async function keep(store: FilesStore, key: string, bytes = 1_000): Promise<PayloadRef> {
  const ref = await append(store, key, bytes);
  store.commit({ put: [{ key, value: new Uint8Array(4) }], cites: [ref] });
  return ref;
}

const keysOf = (store: FilesStore): string[] => [...store.records('')].map(({ key }) => key);

function failing(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: the disk says so`), { code });
}

describe('a full disk', () => {
  test('refuses appends with a pause; reading and the rest go on, and it recovers', async () => {
    const { folder, fileSystem, store } = await opened();
    const ref = await keep(store, 'a');
    fileSystem.roomBytes = 500;
    await expect(append(store, 'b', 1_000)).rejects.toMatchObject({
      kind: 'resource_exhausted',
      reason: 'STORE_FULL',
      retryAfterMs: 5_000,
    });
    expect(await store.read(ref, { signal })).toHaveLength(1_000);
    fileSystem.roomBytes = Number.POSITIVE_INFINITY;
    await keep(store, 'c');
    await store.close();
    await expectSound(folder);
    const again = await openStoreOn(folder, {});
    expect(keysOf(again)).toEqual(['a', 'c']);
    expect(again.recovery).toMatchObject({ tornBytes: 0, uncommittedBytes: 0 });
    await again.close();
  });

  test('has room kept for records: payloads are refused before it is all full', async () => {
    const { store } = await opened({ reserveBytes: 2 ** 52 });
    await expect(append(store, 'a', 10)).rejects.toMatchObject({
      reason: 'STORE_FULL',
      message: expect.stringMatching(/\d+ bytes are free, of which 4503599627370496 are kept/),
    });
    store.commit({ put: [{ key: 'b', value: new Uint8Array(10) }] });
    expect(keysOf(store)).toEqual(['b']);
    await store.close();
  });

  test('refuses a commit whole, in its log and in its index', async () => {
    const { folder, fileSystem, store } = await opened();
    const ref = await keep(store, 'a');
    fileSystem.roomBytes = 20;
    const put = [{ key: 'b', value: new Uint8Array(100) }];
    const full = expect.objectContaining({ reason: 'STORE_FULL' });
    expect(() => store.commit({ put, releases: [ref] })).toThrow(full);
    expect(keysOf(store)).toEqual(['a']);
    expect(store.stats()).toMatchObject({ records: 1, payloads: 1 });
    fileSystem.roomBytes = Number.POSITIVE_INFINITY;
    store.commit({ put, releases: [ref] });
    expect(keysOf(store)).toEqual(['a', 'b']);
    await store.close();
    await expectSound(folder);
  });

  test('also a new segment is refused whole', async () => {
    const { folder, fileSystem, store } = await opened({ segmentBytes: 1_500 });
    await keep(store, 'a');
    fileSystem.roomBytes = 10;
    await expect(append(store, 'b', 1_000)).rejects.toMatchObject({ reason: 'STORE_FULL' });
    fileSystem.roomBytes = Number.POSITIVE_INFINITY;
    await keep(store, 'c');
    expect(readdirSync(folder).filter((name) => name.endsWith('.seg'))).toHaveLength(2);
    await store.close();
    await expectSound(folder);
  });

  test('an index without room takes its commit back, and the log with it', async () => {
    const folder = place();
    await (await openStoreOn(folder, {})).close();
    const limit = new DatabaseSync(path.join(folder, 'index.db'));
    const pages = Number(limit.prepare('PRAGMA page_count').get()?.['page_count']);
    limit.close();
    const exec = DatabaseSync.prototype.exec;
    const spy = vi.spyOn(DatabaseSync.prototype, 'exec').mockImplementation(function (
      this: DatabaseSync,
      sql: string,
    ) {
      exec.call(this, sql);
      if (sql.includes('synchronous')) exec.call(this, `PRAGMA max_page_count = ${pages + 2}`);
    });
    const store = await openStoreOn(folder, {});
    spy.mockRestore();
    store.commit({ put: [{ key: 'a', value: new Uint8Array(10) }] });
    const put = [{ key: 'b', value: new Uint8Array(50_000) }];
    const full = expect.objectContaining({ kind: 'resource_exhausted', reason: 'STORE_FULL' });
    expect(() => store.commit({ put })).toThrow(full);
    store.commit({ put: [{ key: 'c', value: new Uint8Array(10) }] });
    expect(keysOf(store)).toEqual(['a', 'c']);
    await store.close();
    await expectSound(folder);
  });
});

/** Fails the next commit of SQLite, as it says it. */
function failCommit(errcode: number): Disposable {
  const exec = DatabaseSync.prototype.exec;
  return vi.spyOn(DatabaseSync.prototype, 'exec').mockImplementation(function (
    this: DatabaseSync,
    sql: string,
  ) {
    if (sql !== 'COMMIT') return exec.call(this, sql);
    throw Object.assign(new Error('no commit'), { code: 'ERR_SQLITE_ERROR', errcode });
  });
}

describe('a failing index', () => {
  const put = (key: string) => ({ put: [{ key, value: new Uint8Array(10) }] });

  test('without room for the commit itself is as it was, and so is the log', async () => {
    const { folder, store } = await opened();
    store.commit(put('a'));
    {
      using _ = failCommit(13);
      const full = expect.objectContaining({ reason: 'STORE_FULL' });
      expect(() => store.commit(put('b'))).toThrow(full);
    }
    store.commit(put('c'));
    expect(keysOf(store)).toEqual(['a', 'c']);
    await store.close();
    await expectSound(folder);
  });

  test('whose disk fails breaks the store', async () => {
    const { folder, store } = await opened();
    store.commit(put('a'));
    {
      using _ = failCommit(1_034);
      const failed = expect.objectContaining({ reason: 'STORE_FAILED' });
      expect(() => store.commit(put('b'))).toThrow(failed);
    }
    const broken = expect.objectContaining({ reason: 'STORE_BROKEN' });
    expect(() => store.commit(put('c'))).toThrow(broken);
    expect(keysOf(store)).toEqual(['a']);
    await store.close();
    await expectSound(folder);
  });
});

describe('a failing disk', () => {
  test('a failed write is typed and leaves the log whole', async () => {
    const { folder, fileSystem, store } = await opened();
    await keep(store, 'a');
    fileSystem.before = (operation, file) => {
      if (operation === 'write' && file.endsWith('.seg')) throw failing('EIO');
    };
    await expect(append(store, 'b', 10)).rejects.toMatchObject({
      kind: 'infrastructure_error',
      reason: 'STORE_FAILED',
    });
    fileSystem.before = () => {};
    await keep(store, 'c');
    await store.close();
    await expectSound(folder);
  });

  test('after a failed sync nothing is written any more, and it is not tried again', async () => {
    const { folder, fileSystem, store } = await opened();
    const ref = await keep(store, 'a');
    let syncs = 0;
    fileSystem.before = (operation, file) => {
      if (operation !== 'datasync' || !file.endsWith('.seg')) return;
      syncs += 1;
      if (syncs === 1) throw failing('EIO');
    };
    const both = await Promise.allSettled([append(store, 'b', 10), append(store, 'c', 10)]);
    expect(both).toMatchObject([
      { status: 'rejected', reason: { reason: 'STORE_FAILED' } },
      { status: 'rejected', reason: { reason: 'STORE_BROKEN' } },
    ]);
    const broken = { kind: 'failed_precondition', reason: 'STORE_BROKEN' };
    await expect(append(store, 'd', 10)).rejects.toMatchObject(broken);
    await expect(append(store, 'd', 10)).rejects.toThrow(/EIO: the disk says so/);
    expect(() => store.commit({ remove: ['a'] })).toThrow(expect.objectContaining(broken));
    expect(await store.read(ref, { signal })).toHaveLength(1_000);
    expect(syncs).toBe(1);
    await store.close();
    const again = await openStoreOn(folder, {});
    expect(keysOf(again)).toEqual(['a']);
    await again.close();
    await expectSound(folder);
  });

  test('a write that can neither be finished nor taken back breaks the store', async () => {
    const { fileSystem, store } = await opened();
    fileSystem.before = (operation) => {
      if (operation === 'write' || operation === 'truncate') throw failing('EIO');
    };
    await expect(append(store, 'b', 10)).rejects.toMatchObject({ reason: 'STORE_FAILED' });
    fileSystem.before = () => {};
    await expect(append(store, 'c', 10)).rejects.toMatchObject({ reason: 'STORE_BROKEN' });
    await store.close();
  });

  test('an append whose signal fires while it is written is garbage and no more', async () => {
    const { folder, fileSystem, store } = await opened();
    const stop = new AbortController();
    fileSystem.before = (operation) => {
      if (operation === 'datasync') stop.abort(new Error('enough'));
    };
    const payloads = [{ label: 'a', chunks: [new Uint8Array(100)] }];
    await expect(store.append(payloads, { signal: stop.signal })).rejects.toThrow('enough');
    fileSystem.before = () => {};
    await keep(store, 'b');
    expect(store.stats()).toMatchObject({ payloads: 1, queuedBytes: 0, appendedBytes: 1_000 });
    await store.close();
    await expectSound(folder);
  });
});

test('a full queue refuses at once, with a pause', async () => {
  const { store } = await opened({ maxPayloadBytes: 600, maxQueuedBytes: 1_000 });
  const first = append(store, 'a', 600);
  await expect(append(store, 'b', 600)).rejects.toMatchObject({
    kind: 'resource_exhausted',
    reason: 'STORE_BUSY',
    retryAfterMs: 100,
  });
  expect(store.stats().queuedBytes).toBe(600);
  await first;
  await append(store, 'b', 600);
  await store.close();
});

test('calls of one time share a sync', async () => {
  const { fileSystem, store } = await opened();
  let syncs = 0;
  fileSystem.before = (operation, file) => {
    if (operation === 'datasync' && file.endsWith('.seg')) syncs += 1;
  };
  await Promise.all(Array.from({ length: 50 }, (_, index) => append(store, `g/${index}`, 100)));
  // The first goes alone, and the others came while it was written.
  expect(syncs).toBeLessThanOrEqual(3);
  await store.close();
});

test('a segment goes when all in it is released, cited or not', async () => {
  const { folder, store } = await opened({ segmentBytes: 2_500 });
  const segments = (): string[] => readdirSync(folder).filter((name) => name.endsWith('.seg'));
  const cited = await keep(store, 'a');
  const uncited = await append(store, 'b', 1_000);
  await keep(store, 'c');
  expect(segments()).toEqual(['00000001.seg', '00000002.seg']);
  store.commit({ remove: ['a'], releases: [cited] });
  await vi.waitFor(() => expect(store.stats().segments).toBe(2));
  store.commit({ releases: [uncited] });
  await vi.waitFor(() => expect(segments()).toEqual(['00000002.seg']));
  await expect(store.read(cited, { signal })).rejects.toMatchObject({ reason: 'PAYLOAD_GONE' });
  expect(store.stats()).toMatchObject({ segments: 1, payloads: 1, liveBytes: 1_000 });
  await store.close();
  await expectSound(folder);
});

test('the commit log stays short, and says all that there is', async () => {
  const { folder, store } = await opened({ logBytes: 5_000 });
  for (let round = 0; round < 300; round += 1) {
    const put = [{ key: `k/${round % 7}`, value: bytesOf(100, round) }];
    store.commit({ put, remove: [`k/${(round + 3) % 7}`] });
    // As a server does: others run between two commits.
    if (round % 10 === 0) await store.synced?.();
  }
  await store.close();
  const logs = readdirSync(folder).filter((name) => name.endsWith('.log'));
  expect(logs).toHaveLength(1);
  expect(Number.parseInt(logs[0]!, 10)).toBeGreaterThan(2);
  expect(readFileSync(path.join(folder, logs[0]!)).length).toBeLessThan(15_000);
  await expectSound(folder);
});

test('closing waits for a rewrite of the log only so long; the next one who opens it does it', async () => {
  const { folder, store } = await opened({ logBytes: 500_000 });
  const put = (from: number) =>
    Array.from({ length: 1_000 }, (_, at) => ({ key: `k/${from + at}`, value: bytesOf(200, at) }));
  for (let from = 0; from < 5_000; from += 1_000) store.commit({ put: put(from) });
  await new Promise(setImmediate);
  store.commit({ put: [{ key: 'k/meanwhile', value: bytesOf(10, 1) }] });
  let nowMs = performance.now();
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => {
    nowMs += 3_000;
    return nowMs;
  });
  await store.close();
  clock.mockRestore();
  const logs = (): string[] => readdirSync(folder).filter((name) => name.endsWith('.log'));
  expect(logs().length).toBeGreaterThan(1);
  const copy = `${folder}-copy`;
  FaultyFileSystem.copy(folder, copy);
  await expectSound(copy);
  const again = await openStoreOn(folder, { logBytes: 500_000 });
  await again.close();
  expect(logs()).toHaveLength(1);
  await expectSound(folder);
});

test.each(['os', 'none'] as const)(
  'durability %s asks the disk for nothing and outlives the process',
  async (durability) => {
    const { folder, fileSystem, store } = await opened({ durability, segmentBytes: 2_000 });
    const asked: string[] = [];
    fileSystem.before = (operation) => {
      if (operation === 'datasync' || operation === 'syncFolder') asked.push(operation);
    };
    await keep(store, 'a');
    await keep(store, 'b');
    await keep(store, 'c');
    const copy = `${folder}-copy`;
    FaultyFileSystem.copy(folder, copy);
    await store.close();
    expect(asked).toEqual([]);
    const again = await openStoreOn(copy, { durability });
    expect(keysOf(again)).toEqual(['a', 'b', 'c']);
    await again.close();
    await expectSound(copy);
  },
);

describe('opening', () => {
  test('a second one is refused while the first is open', async () => {
    const { folder, store } = await opened();
    await expect(openStoreOn(folder, {})).rejects.toMatchObject({
      kind: 'failed_precondition',
      reason: 'LOCKED',
    });
    await store.close();
    await (await openStoreOn(folder, {})).close();
  });

  test('an index that another program has open is refused', async () => {
    const { folder, store } = await opened();
    await store.close();
    const other = new DatabaseSync(path.join(folder, 'index.db'));
    other.exec('BEGIN EXCLUSIVE');
    await expect(openStoreOn(folder, {})).rejects.toMatchObject({
      kind: 'failed_precondition',
      reason: 'LOCKED',
    });
    other.close();
    await (await openStoreOn(folder, {})).close();
  });

  test('what the system refuses is typed', async () => {
    const folder = place();
    const fileSystem = new FaultyFileSystem();
    fileSystem.before = () => {
      throw Object.assign(failing('EACCES'), { syscall: 'open' });
    };
    await expect(openStoreOn(folder, { fileSystem })).rejects.toMatchObject({
      kind: 'infrastructure_error',
      reason: 'STORE_FAILED',
    });
  });

  test('a store of a newer format is refused', async () => {
    const { folder, store } = await opened();
    await keep(store, 'a');
    await store.close();
    const future = { kind: 'failed_precondition', reason: 'STORE_FROM_THE_FUTURE' };
    const index = new DatabaseSync(path.join(folder, 'index.db'));
    index.exec('PRAGMA user_version = 2');
    index.close();
    await expect(openStoreOn(folder, {})).rejects.toMatchObject(future);
    await expect(openStoreOn(folder, {})).rejects.toThrow(/index\.db has format 2, .* knows 1/);
    const meta = path.join(folder, 'store.json');
    writeFileSync(meta, readFileSync(meta, 'utf8').replace('"version":1', '"version":9'));
    await expect(openStoreOn(folder, {})).rejects.toThrow(/store\.json has format 9, .* knows 1/);
  });

  test('a segment that is gone or short is refused by name', async () => {
    const { folder, store } = await opened();
    const ref = await keep(store, 'a');
    await store.close();
    const file = path.join(folder, '00000001.seg');
    const bytes = readFileSync(file);
    const short = { kind: 'infrastructure_error', reason: 'SEGMENT_SHORT' };
    writeFileSync(file, bytes.subarray(0, ref.offset + 999));
    await expect(openStoreOn(folder, {})).rejects.toMatchObject(short);
    await expect(openStoreOn(folder, {})).rejects.toThrow(`${file} has ${ref.offset + 999} bytes`);
    rmSync(file);
    await expect(openStoreOn(folder, {})).rejects.toThrow(`${file} is missing`);
    // What an open that failed held is free again, and what it refused is as it was.
    writeFileSync(file, bytes);
    await (await openStoreOn(folder, {})).close();
    await expectSound(folder);
  });

  test('a segment of another store is not taken for its own', async () => {
    const [one, other] = [await opened(), await opened()];
    await keep(one.store, 'a');
    await keep(other.store, 'a');
    await Promise.all([one.store.close(), other.store.close()]);
    const name = '00000001.seg';
    writeFileSync(path.join(one.folder, name), readFileSync(path.join(other.folder, name)));
    await expect(openStoreOn(one.folder, {})).rejects.toMatchObject({ reason: 'STORE_DAMAGED' });
  });

  test('an index that is no database is refused, with the way out', async () => {
    const { folder, store } = await opened();
    await store.close();
    writeFileSync(path.join(folder, 'index.db'), 'not a database, not at all'.repeat(100));
    await expect(openStoreOn(folder, {})).rejects.toMatchObject({ reason: 'STORE_DAMAGED' });
    await expect(openStoreOn(folder, {})).rejects.toThrow(/lachesis store reindex/);
  });

  test('a folder of other files is left alone', async () => {
    const folder = place();
    await expect(openStoreOn(path.join(folder, 'deeper'), {})).rejects.toThrow(
      /Give a folder whose parent exists/,
    );
    const parent = path.dirname(folder);
    writeFileSync(path.join(parent, 'thesis.txt'), 'mine');
    await expect(openStoreOn(parent, {})).rejects.toThrow(/holds thesis\.txt and no store\.json/);
    expect(readdirSync(parent)).toEqual(['thesis.txt']);
  });

  test.each([
    [{ durability: 'sometimes' as 'os' }, 'store.durability: is "sometimes"'],
    [{ segmentBytes: 0 }, 'store.segmentBytes: is 0'],
    [{ logBytes: Number.NaN }, 'store.logBytes: is NaN'],
    [{ maxPayloadBytes: 2 ** 32, maxQueuedBytes: 2 ** 33 }, 'store.maxPayloadBytes'],
    [{ maxQueuedBytes: 10 }, 'store.maxQueuedBytes: is less than maxPayloadBytes'],
  ])('options %j are refused', async (options, message) => {
    await expect(openStoreOn(place(), options)).rejects.toThrow(message);
  });
});

test.each([
  ['lost its end', (folder: string) => rmSync(`${folder}/index.db-wal`)],
  [
    'is empty',
    (folder: string) => {
      for (const name of ['index.db-wal', 'index.db-shm'])
        rmSync(`${folder}/${name}`, { force: true });
      writeFileSync(`${folder}/index.db`, '');
    },
  ],
])('an index that %s is refused, and nothing of the log is cut', async (_, harm) => {
  const { folder, store } = await opened();
  for (const key of ['a', 'b', 'c']) await keep(store, key);
  // As a kill leaves it: the index has not taken up its -wal.
  const copy = place();
  cpSync(folder, copy, { recursive: true });
  rmSync(`${copy}/store.lock`, { force: true });
  await store.close();
  harm(copy);
  const log = readFileSync(`${copy}/00000001.log`);
  await expect(openStoreOn(copy, {})).rejects.toMatchObject({ reason: 'INDEX_BEHIND' });
  expect(readFileSync(`${copy}/00000001.log`)).toEqual(log);
});

/** Every file of a folder, by name. */
function filesOf(folder: string): Record<string, Buffer> {
  return Object.fromEntries(
    readdirSync(folder).map((name) => [name, readFileSync(path.join(folder, name))]),
  );
}

/** A store of three segments whose index is as it was when there was one. */
async function withOlderIndex(options: OpenOptions = {}): Promise<string> {
  const { folder, store } = await opened({ segmentBytes: 1_500, ...options });
  await keep(store, 'a');
  await store.close();
  const older = readFileSync(path.join(folder, 'index.db'));
  const later = await openStoreOn(folder, { segmentBytes: 1_500, ...options });
  for (const key of ['b', 'c', 'd', 'e']) await keep(later, key);
  await later.close();
  writeFileSync(path.join(folder, 'index.db'), older);
  return folder;
}

test.each([
  ['that goes on', {}],
  ['that was written anew', { logBytes: 100 }],
])(
  'an index older than a log %s is refused before a segment is removed for it, and fsck says so',
  async (_, options) => {
    const folder = await withOlderIndex(options);
    const before = filesOf(folder);
    const report = await checkStore(folder, { signal });
    expect(report.problems[0]).toMatchObject({
      kind: 'index',
      message: expect.stringMatching(/^index\.db lacks \d+ commits that its log has/),
    });
    expect(filesOf(folder)).toEqual(before);
    await expect(openStoreOn(folder, {})).rejects.toMatchObject({ reason: 'INDEX_BEHIND' });
    expect(Object.keys(filesOf(folder)).filter((name) => name.endsWith('.seg'))).toEqual(
      Object.keys(before).filter((name) => name.endsWith('.seg')),
    );
  },
);

test('an index that lost its last commit with the power goes on, though a new log took that up already', async () => {
  const { folder, store } = await opened();
  await keep(store, 'a');
  await store.close();
  const synced = readFileSync(path.join(folder, 'index.db'));
  const copy = place();
  const fileSystem = new FaultyFileSystem();
  fileSystem.before = (operation, file) => {
    // All of the new log is written, and the index not synced yet.
    if (operation === 'datasync' && file.endsWith('2.log') && statSync(file).size > 100) {
      FaultyFileSystem.copy(folder, copy);
      fileSystem.before = () => {};
    }
  };
  const later = await openStoreOn(folder, { fileSystem, logBytes: 100 });
  await keep(later, 'b');
  await later.close();
  for (const end of ['-wal', '-shm']) rmSync(`${copy}/index.db${end}`, { force: true });
  writeFileSync(path.join(copy, 'index.db'), synced);
  expect(readdirSync(copy)).toEqual(expect.arrayContaining(['00000001.log', '00000002.log']));
  expect(await checkStore(copy, { signal })).toMatchObject({ problemCount: 0 });
  const again = await openStoreOn(copy, {});
  expect(keysOf(again)).toEqual(['a']);
  await again.close();
  await expectSound(copy);
});

test('fsck and stats of a store whose index is emptied say so, and write nothing', async () => {
  const { folder, store } = await opened();
  await keep(store, 'a');
  await store.close();
  writeFileSync(path.join(folder, 'index.db'), '');
  const before = filesOf(folder);
  for (const check of [() => checkStore(folder, { signal }), () => readStoreFigures(folder)]) {
    await expect(check()).rejects.toMatchObject({
      reason: 'INDEX_EMPTY',
      remedy: expect.stringContaining('lachesis store reindex'),
    });
  }
  expect(filesOf(folder)).toEqual(before);
});

test('fsck of what a kill left writes nothing, and reads what SQLite has not taken up yet', async () => {
  const { folder, store } = await opened();
  await keep(store, 'a');
  const copy = place();
  cpSync(folder, copy, { recursive: true });
  rmSync(`${copy}/store.lock`, { force: true });
  await store.close();
  const before = filesOf(copy);
  expect(await checkStore(copy, { signal })).toMatchObject({ payloads: 1, problemCount: 0 });
  expect(filesOf(copy)).toEqual(before);
});

test('a store whose folder is away has lost no payload', async () => {
  const { folder, store } = await opened();
  const ref = await keep(store, 'a');
  renameSync(folder, `${folder}.away`);
  await expect(store.read(ref, { signal })).rejects.toMatchObject({ reason: 'STORE_FAILED' });
  renameSync(`${folder}.away`, folder);
  expect(await store.read(ref, { signal })).toHaveLength(1_000);
  rmSync(path.join(folder, '00000001.seg'));
  await expect(store.read(ref, { signal })).rejects.toMatchObject({ reason: 'PAYLOAD_GONE' });
  await store.close();
});
