import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { jsonl, parquet, type TaskSource } from '../../src/environment/index.ts';
import { serveFiles, textFile } from '../support/file-server.ts';

let folder = '';
let cache = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lachesis-remote-'));
  cache = join(folder, 'cache');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

const dataOf = async (source: TaskSource) =>
  (await Array.fromAsync(source.tasks())).map(({ data }) => data);
const reasonOf = (source: TaskSource) =>
  dataOf(source).then(
    () => 'no error',
    (error: { readonly reason?: string }) => error.reason ?? error,
  );
/** Names in the cache by what they end with. */
const kept = async (end: string) => (await readdir(cache)).filter((name) => name.endsWith(end));

test('a URL is downloaded once, and read as a file is', async () => {
  await using server = await serveFiles(textFile('{"q":1}\n\n{"q":2}\n{"q":3}', '"a"'));
  const source = jsonl(`${server.address}/data/test.jsonl`, { cache });
  await source.prepare();
  expect(source.count).toBe(3);
  expect(await dataOf(source)).toEqual([{ q: 1 }, { q: 2 }, { q: 3 }]);
  expect(await source.get('1')).toMatchObject({ data: { q: 2 } });
  expect(await source.at?.(2)).toMatchObject({ key: '2', data: { q: 3 } });
  expect(server.requests.map(({ url }) => url)).toEqual(['/data/test.jsonl']);
  expect(server.requests[0]?.headers['accept-encoding']).toBe('identity');
});

test('the next run asks whether it changed, also of a server that came back, and reads the copy', async () => {
  const run = (port: number) => dataOf(jsonl(`http://127.0.0.1:${port}/t.jsonl`, { cache }));
  let port: number;
  {
    await using server = await serveFiles(textFile('1', '"a"'));
    port = server.port;
    expect(await run(port)).toEqual([1]);
  }
  await using server = await serveFiles(textFile('never sent', '"a"'), port);
  expect(await run(port)).toEqual([1]);
  expect(server.requests[0]?.headers['if-none-match']).toBe('"a"');
});

test('Last-Modified does where there is no ETag, and without either it is downloaded anew', async () => {
  const stamp = 'Tue, 24 Nov 2026 08:00:00 GMT';
  await using server = await serveFiles((request, response) => {
    if (request.url === '/stamped') response.setHeader('last-modified', stamp);
    const isSame = request.headers['if-modified-since'] === stamp;
    response.statusCode = isSame ? 304 : 200;
    response.end(isSame ? '' : String(server.requests.length));
  });
  const run = (name: string) => dataOf(jsonl(`${server.address}/${name}`, { cache }));
  expect([await run('stamped'), await run('stamped')]).toEqual([[1], [1]]);
  expect([await run('plain'), await run('plain')]).toEqual([[3], [4]]);
});

test('a new state is a new copy, and who reads the old one goes on with it', async () => {
  let text = '1\n2';
  await using server = await serveFiles((request, response) =>
    textFile(text, `"${text.length}"`)(request, response),
  );
  const before = jsonl(`${server.address}/t`, { cache });
  await before.prepare();
  text = '10\n20\n30';
  expect(await dataOf(jsonl(`${server.address}/t`, { cache }))).toEqual([10, 20, 30]);
  expect([await before.get('1'), await dataOf(before)]).toMatchObject([{ data: 2 }, [1, 2]]);
  expect(await readdir(cache)).toHaveLength(3);
});

test('copies that are neither current nor read for a month are removed', async () => {
  let text = '1';
  await using server = await serveFiles((request, response) => textFile(text)(request, response));
  const run = () => dataOf(jsonl(`${server.address}/t`, { cache }));
  await run();
  const [old = ''] = (await readdir(cache)).filter((name) => !name.endsWith('.json'));
  const month = new Date(Date.now() - 31 * 24 * 3_600_000);
  await writeFile(join(cache, 'mine.txt'), '');
  for (const name of [old, 'mine.txt']) await utimes(join(cache, name), month, month);
  text = '2';
  await run();
  // It was asked after, and so it counts as in use.
  expect(await readdir(cache)).toContain(old);
  await utimes(join(cache, old), month, month);
  text = '3';
  expect(await run()).toEqual([3]);
  expect(await readdir(cache)).not.toContain(old);
  expect(await readdir(cache)).toContain('mine.txt');
});

test('without an answer the copy from before is used, with a warning', async () => {
  let port: number;
  {
    await using server = await serveFiles(textFile('1', '"a"'));
    port = server.port;
    await dataOf(jsonl(`${server.address}/t?key=hidden`, { cache }));
  }
  const warnings: string[] = [];
  const onWarning = (message: string) => void warnings.push(message);
  const url = `http://127.0.0.1:${port}/t?key=hidden`;
  expect(await dataOf(jsonl(url, { cache, onWarning }))).toEqual([1]);
  expect(warnings).toEqual([expect.stringMatching(/\/t\?… can't be .*ECONNREFUSED.*copy from/)]);
  const emitted = new Promise<Error>((resolve) => process.once('warning', resolve));
  await dataOf(jsonl(url, { cache }));
  expect(await emitted).toMatchObject({ code: 'TASK_FILE_KEPT_COPY', name: 'LachesisWarning' });
  await using _ = await serveFiles((_request, response) => {
    response.writeHead(503).end();
  }, port);
  expect(await dataOf(jsonl(url, { cache, onWarning }))).toEqual([1]);
  expect(warnings.at(-1)).toMatch(/the server answers 503/);
  // Without a copy it is an error.
  expect(await reasonOf(jsonl(`${url}2`, { cache, onWarning }))).toBe('DOWNLOAD_FAILED');
});

test.each([401, 404, 410])('%i is an error, also with a copy from before', async (status) => {
  let isGone = false;
  await using server = await serveFiles((request, response) => {
    if (isGone) response.writeHead(status).end('gone');
    else textFile('1', '"a"')(request, response);
  });
  await dataOf(jsonl(`${server.address}/t`, { cache }));
  isGone = true;
  const url = `${server.address.replace('//', '//user:secret@')}/t?token=hidden#part`;
  await expect(jsonl(url, { cache }).prepare()).rejects.toMatchObject({
    kind: 'invalid_input',
    reason: 'TASK_FILE_UNREADABLE',
    message: `${server.address}/t?… can't be downloaded: ${status}. Check the URL, and whether it may be read without logging in.`,
  });
});

test.each<[string, (length: number) => Record<string, string>]>([
  ['a length', (length) => ({ 'content-length': String(length) })],
  ['chunks', () => ({ 'transfer-encoding': 'chunked' })],
])('a body with %s that is cut off leaves nothing, and can be tried again', async (_, headers) => {
  let isCut = true;
  await using server = await serveFiles((request, response) => {
    if (!isCut) return textFile('[1]\n[2]')(request, response);
    response.writeHead(200, headers(7));
    response.write('[1]\n', () => response.socket?.destroy());
  });
  const source = jsonl(`${server.address}/t`, { cache });
  expect(await reasonOf(source)).toBe('DOWNLOAD_FAILED');
  expect(await readdir(cache)).toEqual([]);
  isCut = false;
  expect(await dataOf(source)).toEqual([[1], [2]]);
});

test('a slow body ends with its deadline, or with the reason of the signal', async () => {
  const arrived = Promise.withResolvers<void>();
  await using server = await serveFiles((_request, response) => {
    response.write('1\n');
    if (server.requests.length === 2) arrived.resolve();
  });
  const url = `${server.address}/slow`;
  const source = jsonl(url, { cache, downloadTimeoutMs: 50 });
  expect(await reasonOf(source)).toBe('DOWNLOAD_TIMEOUT');
  const controller = new AbortController();
  const prepared = jsonl(url, { cache }).prepare({ signal: controller.signal });
  await arrived.promise;
  controller.abort(new Error('enough'));
  await expect(prepared).rejects.toThrow('enough');
  expect(await readdir(cache)).toEqual([]);
});

test.each(['with', 'without'])(
  'a file of too many bytes, %s its length, is refused',
  async (how) => {
    await using server = await serveFiles((_request, response) => {
      if (how === 'without') response.write('');
      response.end('1\n'.repeat(100));
    });
    const source = jsonl(`${server.address}/t`, { cache, maxDownloadBytes: 199 });
    expect(await reasonOf(source)).toBe('TASK_FILE_TOO_LARGE');
    expect(await readdir(cache)).toEqual([]);
    expect(
      await dataOf(jsonl(`${server.address}/t`, { cache, maxDownloadBytes: 200 })),
    ).toHaveLength(100);
  },
);

test('user and password go to the server that was named, and to none that it redirects to', async () => {
  await using other = await serveFiles(textFile('1'));
  await using server = await serveFiles((_request, response) => {
    response.writeHead(302, { location: `${other.address}/moved` }).end();
  });
  const url = `${server.address.replace('//', '//user:p%40ss@')}/t`;
  expect(await dataOf(jsonl(url, { cache }))).toEqual([1]);
  const basic = `Basic ${Buffer.from('user:p@ss').toString('base64')}`;
  expect(server.requests[0]?.headers.authorization).toBe(basic);
  expect(other.requests[0]?.headers.authorization).toBeUndefined();
  const [note = ''] = await kept('.json');
  expect(readFileSync(join(cache, note), 'utf8')).not.toMatch(/user|p%40ss|p@ss/);
});

test('a bad line is told by the URL, and a note or a copy that is not whole is made anew', async () => {
  await using server = await serveFiles(textFile('[1]\noops', '"a"'));
  const run = () => jsonl(`${server.address}/t`, { cache }).prepare();
  await expect(run()).rejects.toMatchObject({
    reason: 'TASK_FILE_LINE',
    field: `${server.address}/t:2`,
  });
  const [note = ''] = await kept('.json');
  const [copy = ''] = (await readdir(cache)).filter((name) => name !== note);
  for (const name of [note, copy]) {
    await writeFile(join(cache, name), '[');
    await expect(run()).rejects.toMatchObject({ field: `${server.address}/t:2` });
    expect(server.requests.at(-1)?.headers['if-none-match']).toBeUndefined();
  }
});

test('parquet reads a URL too', async () => {
  const fixture = join(import.meta.dirname, 'fixtures', 'tasks.zstd.parquet');
  await using server = await serveFiles((_request, response) => {
    response.end(readFileSync(fixture));
  });
  const remote = parquet(`${server.address}/tasks.parquet`, { key: 'id', cache });
  await remote.prepare();
  expect(await Array.fromAsync(remote.tasks())).toEqual(
    await Array.fromAsync(parquet(fixture, { key: 'id' }).tasks()),
  );
  expect(server.requests).toHaveLength(1);
  expect(await reasonOf(parquet('http://127.0.0.1:1/t?key=hidden', { cache }))).toBe(
    'DOWNLOAD_FAILED',
  );
});

test('the cache is a folder of this user alone, and one that is not is refused', async () => {
  vi.stubEnv('TMPDIR', folder);
  await using server = await serveFiles(textFile('1', '"a"'));
  expect(await dataOf(jsonl(`${server.address}/t`))).toEqual([1]);
  const own = join(folder, `lachesis-${process.getuid?.()}`);
  cache = join(own, 'tasks');
  const modes = [own, cache, join(cache, (await readdir(cache))[0] ?? '')].map(async (name) =>
    ((await stat(name)).mode & 0o777).toString(8),
  );
  expect(await Promise.all(modes)).toEqual(['700', '700', '600']);
  await rm(own, { recursive: true });
  await mkdir(join(folder, 'elsewhere'));
  await symlink(join(folder, 'elsewhere'), own);
  expect(await reasonOf(jsonl(`${server.address}/t`))).toBe('TASK_CACHE');
  await writeFile(join(folder, 'file'), '');
  expect(await reasonOf(jsonl(`${server.address}/t`, { cache: join(folder, 'file') }))).toBe(
    'TASK_CACHE',
  );
});
