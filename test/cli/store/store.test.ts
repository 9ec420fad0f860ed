import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { openFilesStore, type PayloadRef } from '../../../src/broker/stores/index.ts';
import { cli } from '../support.ts';

const { signal } = new AbortController();

/** Two records of 1,000 bytes each, one of which was replaced, and 500 that nobody cites. */
async function storeFolder(): Promise<{ folder: string; refs: readonly PayloadRef[] }> {
  const folder = mkdtempSync(path.join(tmpdir(), 'lachesis-store-'));
  const store = await openFilesStore(folder);
  const labels = ['g/1', 'g/2'];
  const payloads = labels.map((label) => ({ label, chunks: [new Uint8Array(1_000).fill(7)] }));
  const refs = await store.append(payloads, { signal });
  const put = labels.map((key) => ({ key, value: new Uint8Array(10) }));
  store.commit({ put, cites: refs });
  store.commit({ put: [{ key: 'g/1', value: new Uint8Array(20) }] });
  await store.append([{ label: 'g/3', chunks: [new Uint8Array(500)] }], { signal });
  await store.close();
  return { folder, refs };
}

async function say(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const run = cli('store', ...args);
  return { code: await run.code, out: run.out(), err: run.err() };
}

async function json(...args: string[]): Promise<Record<string, unknown> & { code: number }> {
  const { code, out, err } = await say(...args, '--json');
  expect(err).toBe('');
  return { ...(JSON.parse(out) as object), code };
}

test('stats tell what a store holds', async () => {
  const { folder } = await storeFolder();
  expect(await json('stats', folder)).toMatchObject({
    ...{ code: 0, commits: 2, records: 2, payloads: 2, liveBytes: 2_000, segments: 1 },
    freeDiskBytes: expect.any(Number),
  });
  const { out } = await say('stats', folder);
  expect(out).toMatch(/^records {3}2, of 2 commits\npayloads {2}2, 2\.0 KiB\n/);
});

test('fsck finds nothing where nothing is wrong, and names whose bytes are', async () => {
  const { folder, refs } = await storeFolder();
  expect(await json('fsck', folder)).toMatchObject({ code: 0, problemCount: 0, tornBytes: 0 });
  const file = path.join(folder, '00000001.seg');
  const bytes = readFileSync(file);
  bytes[refs[1]!.offset + 999] = 8;
  writeFileSync(file, bytes);
  const { code, out } = await say('fsck', folder);
  expect(code).toBe(1);
  expect(out).toContain(
    `00000001.seg has other bytes at ${refs[1]!.offset}: cited by "g/2"\n1 problems.\n`,
  );
  const store = await openFilesStore(folder);
  await expect(store.read(refs[1]!, { signal })).rejects.toMatchObject({
    kind: 'infrastructure_error',
    reason: 'PAYLOAD_DAMAGED',
  });
  expect(await store.read(refs[0]!, { signal })).toHaveLength(1_000);
  await store.close();
});

test('fsck tells when the commit log is lost, or behind', async () => {
  const { folder } = await storeFolder();
  const log = path.join(folder, '00000001.log');
  truncateSync(log, readFileSync(log).length - 1);
  const behind = await say('fsck', folder);
  expect(behind).toMatchObject({ code: 1 });
  expect(behind.out).toContain('index and commit log differ in record "g/1"');
  rmSync(log);
  expect((await say('fsck', folder)).out).toContain('the commit log is missing');
  // Opening it makes the log anew.
  const store = await openFilesStore(folder);
  await store.close();
  expect(await json('fsck', folder)).toMatchObject({ code: 0, problemCount: 0 });
});

test('gc frees what no record cites', async () => {
  const { folder } = await storeFolder();
  const before = await json('stats', folder);
  const freed = await json('gc', folder);
  expect(freed).toMatchObject({ code: 0, removedSegments: 0, tornBytes: 0, uncommittedBytes: 527 });
  const after = await json('stats', folder);
  expect(Number(before['segmentBytes']) - Number(after['segmentBytes'])).toBe(527);
  expect((await say('gc', folder)).out).toMatch(/^0 B freed: /);
});

test('reindex restores an index that is lost, and refuses to replace one that is there', async () => {
  const { folder } = await storeFolder();
  const refused = await say('reindex', folder);
  expect(refused).toMatchObject({ code: 1, out: '' });
  expect(refused.err).toContain('index.db is there. To make it anew nevertheless, move');
  rmSync(path.join(folder, 'index.db'));
  const opened = openFilesStore(folder);
  await expect(opened).rejects.toMatchObject({ reason: 'INDEX_MISSING' });
  await expect(opened).rejects.toThrow(`Run \`lachesis store reindex ${folder}\``);
  expect((await say('fsck', folder)).err).toContain('is missing');
  expect(await json('reindex', folder)).toMatchObject({ code: 0, records: 2, payloads: 2 });
  expect(await json('fsck', folder)).toMatchObject({ code: 0, records: 2, payloads: 2 });
  expect(readdirSync(folder).sort()).toEqual([
    ...['00000001.log', '00000001.seg', 'index.db', 'store.json'],
  ]);
});

test.each([
  ['in its header', 5],
  ['in its first commit', 80],
])('reindex says so when the commit log is damaged %s', async (_, at) => {
  const { folder } = await storeFolder();
  rmSync(path.join(folder, 'index.db'));
  const log = path.join(folder, '00000001.log');
  const bytes = readFileSync(log);
  bytes[at] = 255;
  writeFileSync(log, bytes);
  const { code, out } = await say('reindex', folder);
  expect(code).toBe(1);
  expect(out).toContain('The commit log is damaged');
});

test('a commit cut off at the end of the log is no damage', async () => {
  const { folder } = await storeFolder();
  rmSync(path.join(folder, 'index.db'));
  const log = path.join(folder, '00000001.log');
  truncateSync(log, readFileSync(log).length - 1);
  expect(await json('reindex', folder)).toMatchObject({ code: 0, isWhole: true, commits: 1 });
});

test('reindex leaves out what its segment no longer holds, and says so', async () => {
  const { folder, refs } = await storeFolder();
  truncateSync(path.join(folder, '00000001.seg'), refs[1]!.offset + 10);
  const opened = openFilesStore(folder);
  await expect(opened).rejects.toMatchObject({ reason: 'SEGMENT_SHORT' });
  rmSync(path.join(folder, 'index.db'));
  const { code, out } = await say('reindex', folder);
  expect(code).toBe(1);
  expect(out).toContain('"g/2" is lost: 00000001.seg has other bytes at');
  const store = await openFilesStore(folder);
  expect([...store.records('')].map(({ key }) => key)).toEqual([
    'g/1',
    expect.stringMatching(/^lost\/1\//),
  ]);
  await store.close();
  expect(await json('fsck', folder)).toMatchObject({ code: 0, payloads: 1, problemCount: 0 });
});

test.each([
  [[], 'WHAT: is missing; give one of fsck, reindex, gc, stats.'],
  [['mend', 'x'], 'WHAT: is mend;'],
  [['fsck'], 'FOLDER: is missing'],
  [['fsck', 'a', 'b'], 'FOLDER: is given twice, as a and b.'],
])('lachesis store %j says what is wrong with it', async (args, message) => {
  const { code, err } = await say(...args);
  expect(code).toBe(2);
  expect(err).toContain(message);
});

test('a folder that is no store is left as it is', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'lachesis-store-'));
  for (const what of ['fsck', 'reindex', 'gc', 'stats']) {
    const { code, err } = await say(what, folder);
    expect(code).toBe(1);
    expect(err).toContain(`There is no store in ${folder}.`);
    expect((await say(what, path.join(folder, 'none'))).err).toContain('There is no store in');
  }
  expect(readdirSync(folder)).toEqual([]);
});

test('a store that a process has open is left alone', async () => {
  const { folder } = await storeFolder();
  const store = await openFilesStore(folder);
  for (const what of ['fsck', 'reindex', 'gc', 'stats']) {
    const { code, err } = await say(what, folder);
    expect(code).toBe(1);
    expect(err).toContain(`The store ${folder} is in use by process ${process.pid}`);
  }
  await store.close();
});
