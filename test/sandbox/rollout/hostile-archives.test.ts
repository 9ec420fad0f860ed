import { lstat, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { packTar, type TarEntry } from 'modern-tar';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { unpackOnHost } from '../../../src/sandbox/rollout/unpack-on-host.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(path.join(os.tmpdir(), 'lachesis-hostile-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const file = (name: string, body = 'x'): TarEntry => ({
  header: { name, size: body.length, type: 'file' },
  body,
});
const folder = (name: string): TarEntry => ({ header: { name, size: 0, type: 'directory' } });
const linked = (
  name: string,
  linkname: string,
  type: 'symlink' | 'link' = 'symlink',
): TarEntry => ({
  header: { name, size: 0, type, linkname },
});

async function unpack(entries: readonly TarEntry[], limits = {}) {
  const bytes = await packTar(entries);
  const tar = (async function* () {
    for (let at = 0; at < bytes.length; at += 700) yield bytes.subarray(at, at + 700);
  })();
  await unpackOnHost(tar, path.join(root, 'out'), { maxBytes: 1_000, maxEntries: 10, ...limits });
}

test.each<[string, TarEntry[], string]>([
  ['a name that leads out', [folder('a/'), file('a/../../evil')], 'a/../../evil'],
  ['an absolute name', [folder('a/'), file('/etc/evil')], '/etc/evil'],
  ['another root', [folder('a/'), file('b/evil')], 'b/evil'],
  ['a file in no folder', [folder('a/'), file('a/b/c')], 'a/b/c'],
  ['a file under a link', [folder('a/'), linked('a/l', '.'), file('a/l/evil')], 'a/l/evil'],
  ['a file in place of a link', [folder('a/'), linked('a/l', 'x'), file('a/l')], 'a/l'],
  ['a file twice', [folder('a/'), file('a/f'), file('a/f')], 'a/f'],
  ['a file as a folder', [folder('a/'), file('a/f'), file('a/f/g')], 'a/f/g'],
  ['an absolute link', [folder('a/'), linked('a/l', '/etc')], 'a/l'],
  ['a link out', [folder('a/'), folder('a/b/'), linked('a/b/l', '../../etc')], 'a/b/l'],
  ['a `..` behind a name', [folder('a/'), linked('a/l', 'b/../../..')], 'a/l'],
  ['a link and nothing else', [linked('a', 'b')], 'a'],
  ['a hard link out', [folder('a/'), linked('a/l', '/etc/passwd', 'link')], '/etc/passwd'],
  [
    'a hard link to a link',
    [folder('a/'), linked('a/l', 'x'), linked('a/h', 'a/l', 'link')],
    'a/h',
  ],
  ['a device', [folder('a/'), { header: { name: 'a/d', size: 0, type: 'block-device' } }], 'a/d'],
  ['a pipe', [folder('a/'), { header: { name: 'a/p', size: 0, type: 'fifo' } }], 'a/p'],
  [
    'a sparse file',
    [
      folder('a/'),
      {
        header: { name: 'a/s', size: 1, pax: { 'GNU.sparse.realsize': '1000000000000' } },
        body: 'x',
      },
    ],
    'a/s',
  ],
])('%s is refused by its name, and nothing is left', async (_, entries, entry) => {
  await expect(unpack(entries)).rejects.toMatchObject({
    reason: 'ARCHIVE_ENTRY_REFUSED',
    metadata: { entry },
  });
  expect(await readdir(root)).toEqual([]);
});

test('more bytes or entries than allowed are refused before they are written', async () => {
  await expect(unpack([folder('a/'), file('a/f', 'x'.repeat(1_001))])).rejects.toMatchObject({
    reason: 'ARCHIVE_TOO_LARGE',
    metadata: { entry: 'a/f' },
  });
  const many = Array.from({ length: 10 }, (_, i) => file(`a/${i}`));
  await expect(unpack([folder('a/'), ...many])).rejects.toMatchObject({
    reason: 'ARCHIVE_TOO_LARGE',
  });
  expect(await readdir(root)).toEqual([]);
});

test('an archive that is damaged or ends early is refused', async () => {
  const bytes = await packTar([folder('a/'), file('a/f', 'x'.repeat(900))]);
  for (const given of [bytes.subarray(0, 1_300), Buffer.alloc(2_048, 'junk')]) {
    const tar = (async function* () {
      yield given;
    })();
    await expect(
      unpackOnHost(tar, path.join(root, 'out'), { maxBytes: 1_000, maxEntries: 10 }),
    ).rejects.toMatchObject({ reason: 'ARCHIVE_DAMAGED' });
  }
  expect(await readdir(root)).toEqual([]);
});

test('links and hard links within are made', async () => {
  await unpack([
    folder('a/'),
    folder('a/b/'),
    file('a/f', 'text'),
    linked('a/b/up', '../f'),
    linked('a/hard', 'a/f', 'link'),
  ]);
  expect(await readFile(path.join(root, 'out/b/up'), 'utf8')).toBe('text');
  expect((await lstat(path.join(root, 'out/hard'))).nlink).toBe(2);
});

test('a link that is there already is not followed', async () => {
  await mkdir(path.join(root, 'precious'));
  await writeFile(path.join(root, 'precious/keep'), 'kept');
  await symlink('precious/keep', path.join(root, 'out'));
  await expect(unpack([file('f', 'evil')])).rejects.toMatchObject({
    reason: 'DOWNLOAD_TARGET_EXISTS',
  });
  expect(await readFile(path.join(root, 'precious/keep'), 'utf8')).toBe('kept');
});
