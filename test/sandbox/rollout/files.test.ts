import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { RolloutSandbox, SandboxLease } from '../../../src/sandbox/index.ts';
import { openRolloutSandbox } from '../../../src/sandbox/index.ts';
import { openHostLease } from '../support/host-sandbox.ts';

let lease: SandboxLease;
let sandbox: RolloutSandbox;
let root: string;
let host: string;
let count = 0;

beforeAll(async () => {
  lease = await openHostLease();
  sandbox = openRolloutSandbox(lease);
  root = await mkdtemp(path.join(os.tmpdir(), 'lachesis-files-'));
});
beforeEach(async () => {
  count += 1;
  host = path.join(root, String(count));
  await mkdir(host);
});
afterAll(async () => {
  await lease.release();
  await rm(root, { recursive: true, force: true });
});

describe('one file', () => {
  test.each([0, 1, 511, 512, 513, 37_001, 38_000, 3_000_000])(
    'of %i bytes comes back as it went',
    async (size) => {
      const bytes = randomBytes(size);
      await sandbox.writeFile('some/new/folder/file.bin', bytes);
      const back = await sandbox.readFile('some/new/folder/file.bin');
      expect(Buffer.compare(Buffer.from(back), bytes)).toBe(0);
    },
  );

  test.each([
    'a b.txt',
    `it's "so".txt`,
    '-rf',
    'new\nline',
    '$(id);x',
    'ünïcode-€',
    'x'.repeat(255),
    '*',
  ])('named %j', async (name) => {
    await sandbox.writeFile(name, name);
    expect(await sandbox.readText(`${sandbox.workdir}/${name}`)).toBe(name);
    const { stdout } = await sandbox.exec({ argv: ['cat', '--', `./${name}`] });
    expect(Buffer.from(stdout.head).toString()).toBe(name);
  });

  test('keeps the mode that it is given, and replaces what was there', async () => {
    await sandbox.writeFile('script.sh', '#!/bin/sh\necho ran', { mode: 0o755 });
    await sandbox.writeFile('script.sh', '#!/bin/sh\necho again', { mode: 0o755 });
    const { stdout } = await sandbox.exec('./script.sh');
    expect(Buffer.from(stdout.head).toString()).toBe('again\n');
    expect(await sandbox.stat('script.sh')).toMatchObject({ type: 'file', mode: 0o755 });
  });

  test.each(['made/', 'made/.', '..', '/'])(
    '%j names none, and nothing is written',
    async (name) => {
      await expect(sandbox.writeFile(name, 'x')).rejects.toMatchObject({
        kind: 'invalid_input',
        field: 'path',
      });
      expect(await sandbox.stat('made')).toBeUndefined();
    },
  );

  test('that can not be written says why, in words of the file', async () => {
    await sandbox.writeFile('way', '');
    await sandbox.writeFile('full/of', '');
    const { workdir } = sandbox;
    for (const [name, why] of [
      ['way/f', 'a folder of its path is a file'],
      ['full', 'it is a folder'],
      ['/proc/version', 'what is there may not be replaced'],
    ] as const) {
      const at = name.startsWith('/') ? name : `${workdir}/${name}`;
      await expect(sandbox.writeFile(name, 'x')).rejects.toMatchObject({
        kind: 'failed_precondition',
        reason: 'FILE_NOT_WRITTEN',
        message: `${at} could not be written: ${why}.`,
      });
    }
  });

  test('is read through links, in the sandbox', async () => {
    await sandbox.writeFile('real/deep/file', 'behind');
    await sandbox.exec('ln -s real/deep dir; ln -s dir/../deep/file one; ln -s one two');
    expect(await sandbox.readText('two')).toBe('behind');
    expect(await sandbox.readText('dir/file')).toBe('behind');
  });

  test.each([
    ['that is not there', 'nowhere/file', 'FILE_NOT_FOUND'],
    ['that is a folder', '.', 'NOT_A_FILE'],
    ['that is a pipe', 'pipe', 'NOT_A_FILE'],
    ['that is a device', '/dev/zero', 'NOT_A_FILE'],
    ['that is a link to itself', 'loop', 'NOT_A_FILE'],
  ])('%s is refused', async (_, file, reason) => {
    await sandbox.exec('mkfifo pipe; ln -s loop loop');
    await expect(sandbox.readFile(file)).rejects.toMatchObject({ reason });
  });

  test('above `maxBytes` is refused before it is read', async () => {
    await sandbox.exec('truncate -s 1T huge');
    await expect(sandbox.readFile('huge')).rejects.toMatchObject({
      kind: 'resource_exhausted',
      reason: 'FILE_TOO_LARGE',
    });
    await sandbox.writeFile('five', '12345');
    await expect(sandbox.readFile('five', { maxBytes: 4 })).rejects.toMatchObject({
      reason: 'FILE_TOO_LARGE',
    });
    expect(await sandbox.readText('five', { maxBytes: 5 })).toBe('12345');
  });

  test('an abort ends the reading', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(sandbox.readFile('five', { signal })).rejects.toThrow('enough');
  });
});

describe('a script by itself', () => {
  test("has nothing of the agent's shell, and two streams", async () => {
    await sandbox.shell.run('export A=1; cd /');
    const { stdout, stderr, exitCode } = await sandbox.exec('echo "[$A]"; pwd; echo e >&2; exit 4');
    expect(Buffer.from(stdout.head).toString()).toBe(`[]\n${sandbox.workdir}\n`);
    expect(Buffer.from(stderr.head).toString()).toBe('e\n');
    expect(exitCode).toBe(4);
  });

  test('of 200 KB runs, and reads nothing', async () => {
    const script = `read x; ${': 0123456789;\n'.repeat(16_000)}echo "done [$x]"`;
    const { stdout } = await sandbox.exec(script);
    expect(Buffer.from(stdout.head).toString()).toBe('done []\n');
  });
});

describe('folders', () => {
  async function tree(): Promise<string> {
    const folder = path.join(host, 'tree');
    await mkdir(path.join(folder, 'a b/deep'), { recursive: true });
    await mkdir(path.join(folder, 'empty'));
    await writeFile(path.join(folder, 'a b/deep/new\nline'), 'x');
    await writeFile(path.join(folder, 'run'), '#!/bin/sh\n');
    await chmod(path.join(folder, 'run'), 0o755);
    await writeFile(path.join(folder, 'a b/bytes'), randomBytes(200_000));
    await symlink('../run', path.join(folder, 'a b/link'));
    await writeFile(path.join(folder, 'n'.repeat(200)), 'long');
    return folder;
  }

  test('go up and come back the same', async () => {
    const folder = await tree();
    await sandbox.upload(folder, 'up/there');
    const back = path.join(host, 'new/back');
    await sandbox.download('up/there', back);
    const names = await readdir(folder, { recursive: true });
    expect((await readdir(back, { recursive: true })).sort()).toEqual(names.sort());
    expect(await readlink(path.join(back, 'a b/link'))).toBe('../run');
    expect((await stat(path.join(back, 'run'))).mode & 0o777).toBe(0o755);
    const bytes = await readFile(path.join(folder, 'a b/bytes'));
    expect(Buffer.compare(await readFile(path.join(back, 'a b/bytes')), bytes)).toBe(0);
  });

  test('one file goes up and comes back, on top of a file', async () => {
    await writeFile(path.join(host, 'one'), 'one');
    await sandbox.upload(path.join(host, 'one'), 'x/other name');
    await writeFile(path.join(host, 'back'), 'old');
    await sandbox.download('x/other name', path.join(host, 'back'));
    expect(await readFile(path.join(host, 'back'), 'utf8')).toBe('one');
  });

  test('a folder comes into an empty one, and never into another', async () => {
    await sandbox.exec('mkdir -p out; echo 1 > out/f');
    await mkdir(path.join(host, 'empty'));
    await sandbox.download('out', path.join(host, 'empty'));
    expect(await readdir(path.join(host, 'empty'))).toEqual(['f']);
    await expect(sandbox.download('out', path.join(host, 'empty'))).rejects.toMatchObject({
      reason: 'DOWNLOAD_TARGET_EXISTS',
    });
    await symlink('empty', path.join(host, 'link'));
    await expect(sandbox.download('out', path.join(host, 'link'))).rejects.toMatchObject({
      reason: 'DOWNLOAD_TARGET_EXISTS',
    });
    expect((await readdir(host)).sort()).toEqual(['empty', 'link']);
  });

  test('more bytes or entries than asked for are refused, and nothing is left', async () => {
    await sandbox.exec('mkdir -p many; for i in 1 2 3 4 5; do echo 12345 > many/$i; done');
    const to = path.join(host, 'many');
    await expect(sandbox.download('many', to, { maxEntries: 5 })).rejects.toMatchObject({
      reason: 'ARCHIVE_TOO_LARGE',
      message: expect.stringMatching(/Entry "many\/\d" of the archive is one more than 5/),
    });
    await expect(sandbox.download('many', to, { maxBytes: 29 })).rejects.toMatchObject({
      reason: 'ARCHIVE_TOO_LARGE',
    });
    expect(await readdir(host)).toEqual([]);
    await sandbox.download('many', to, { maxBytes: 30, maxEntries: 6 });
    expect((await readdir(to)).length).toBe(5);
  });

  test.each([
    ['a link to an absolute path', 'ln -s /etc/passwd bad/evil', 'bad/evil'],
    ['a link that leads out', 'ln -s ../../secret bad/evil', 'bad/evil'],
    ['a link out by way of another', 'ln -s . bad/up; ln -s up/../.. bad/evil', 'bad/evil'],
    ['a pipe', 'mkfifo bad/evil', 'bad/evil'],
  ])('%s is refused by its name', async (_, make, entry) => {
    await sandbox.exec(`rm -rf bad; mkdir bad; ${make}`);
    await expect(sandbox.download('bad', path.join(host, 'bad'))).rejects.toMatchObject({
      reason: 'ARCHIVE_ENTRY_REFUSED',
      metadata: { entry },
    });
    expect(await readdir(host)).toEqual([]);
  });

  test('a tree without permissions comes, and can be removed', async () => {
    await sandbox.exec(
      'mkdir -p locked/in; echo x > locked/in/f; chmod 4000 locked/in/f; chmod 0 locked/in',
    );
    await sandbox.download('locked', path.join(host, 'locked'));
    expect((await lstat(path.join(host, 'locked/in/f'))).mode & 0o7777).toBe(0);
    expect((await lstat(path.join(host, 'locked/in'))).mode & 0o700).toBe(0o700);
  });

  test('an abort leaves nothing', async () => {
    await sandbox.exec('mkdir -p large; truncate -s 500M large/f');
    const abort = new AbortController();
    const done = sandbox.download('large', path.join(host, 'large'), { signal: abort.signal });
    setTimeout(() => abort.abort(new Error('enough')), 100);
    await expect(done).rejects.toThrow('enough');
    expect(await readdir(host)).toEqual([]);
  });

  test('300 MB pass both ways without being held', async () => {
    const big = createWriteStream(path.join(host, 'big'));
    const piece = randomBytes(1_000_000);
    for (let i = 0; i < 300; i += 1) if (!big.write(piece)) await once(big, 'drain');
    big.end();
    await once(big, 'close');
    const before = process.memoryUsage.rss();
    await sandbox.upload(path.join(host, 'big'), 'big');
    await sandbox.download('big', path.join(host, 'back'));
    expect(process.memoryUsage.rss() - before).toBeLessThan(150_000_000);
    expect((await stat(path.join(host, 'back'))).size).toBe(300_000_000);
    let at = 0;
    for await (const bytes of createReadStream(path.join(host, 'back'))) {
      const first = piece[at % piece.length];
      expect((bytes as Buffer)[0]).toBe(first);
      at += (bytes as Buffer).length;
    }
    await sandbox.exec('rm big');
  }, 60_000);
});
