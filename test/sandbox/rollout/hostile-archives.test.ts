import { execFile } from 'node:child_process';
import {
  lstat,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
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

/** As a GNU tar of the host makes it, in a folder that is removed. */
async function gnuTar(...options: readonly string[]): Promise<Buffer> {
  const from = path.join(root, 'from');
  await mkdir(path.join(from, 'a'), { recursive: true });
  const sparse = await open(path.join(from, 'a/s'), 'w');
  await sparse.write('x', 3_000_000);
  await sparse.close();
  const args = ['-C', from, ...options, '-cf', '-', 'a'];
  const { stdout } = await promisify(execFile)('tar', args, {
    encoding: 'buffer',
    maxBuffer: 8_000_000,
  });
  await rm(from, { recursive: true });
  return stdout;
}

const unpackBytes = (bytes: Uint8Array, pieceBytes: number) =>
  unpackOnHost(
    (async function* () {
      for (let at = 0; at < bytes.length; at += pieceBytes)
        yield bytes.subarray(at, at + pieceBytes);
    })(),
    path.join(root, 'out'),
    { maxBytes: 4_000_000, maxEntries: 10 },
  );

test.each([
  ['GNU’s old format', ['--format=gnu', '-S']],
  ['pax', ['--format=pax', '-S']],
])('a sparse file of %s is refused, and nothing is left', async (_, options) => {
  const bytes = await gnuTar(...options);
  for (const pieceBytes of [100, 512, 70_000]) {
    await expect(unpackBytes(bytes, pieceBytes)).rejects.toThrow(/is a sparse file/);
  }
  expect(await readdir(root)).toEqual([]);
});

test.each(['gnu', 'pax', 'ustar', 'v7'])(
  'plain files of the format %s are taken',
  async (format) => {
    await unpackBytes(await gnuTar(`--format=${format}`), 700);
    expect((await lstat(path.join(root, 'out/s'))).size).toBe(3_000_001);
  },
);

test('what comes after a file whose size only its pax header tells is seen as well', async () => {
  const large: TarEntry = {
    header: { name: 'a/f', size: 900, pax: { size: '900' } },
    body: 'S'.repeat(900),
  };
  const whole = Buffer.from(await packTar([folder('a/'), large, file('a/z')]));
  const sizes: number[] = [];
  for (let at = 0; at + 512 <= whole.length; at += 512) {
    if (whole.toString('latin1', at, at + 3) === 'a/f') sizes.push(at);
    if (whole.toString('latin1', at, at + 3) === 'a/z') retype(whole.subarray(at, at + 512), 'S');
  }
  const header = whole.subarray(sizes.at(-1) ?? 0, (sizes.at(-1) ?? 0) + 512);
  header.write('00000000000\0', 124, 'latin1');
  retype(header, '0');
  await expect(unpackBytes(whole, 512)).rejects.toMatchObject({ metadata: { entry: 'a/z' } });
});

/** Gives a header another type, and the checksum that goes with it. */
function retype(header: Buffer, type: string): void {
  header.write(type, 156, 'latin1');
  header.fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
}

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
