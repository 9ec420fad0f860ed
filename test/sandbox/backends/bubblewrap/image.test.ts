import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  createBubblewrapBackend,
  outputText,
  type Sandbox,
  type SandboxBackend,
  type SandboxSpec,
} from '../../../../src/sandbox/index.ts';
import { noBoxes } from '../../../support/boxes.ts';
import { makeRootfs } from './rootfs.ts';

const never = new AbortController().signal;

describe.skipIf(noBoxes !== undefined)('a box of a root file system', () => {
  let folder: string;
  let backend: SandboxBackend;
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'rootfs-'));
    // Made for ourselves alone; a box runs as somebody else.
    chmodSync(folder, 0o755);
    makeRootfs(path.join(folder, 'root'));
    mkdirSync(path.join(folder, 'toolchain'));
    writeFileSync(path.join(folder, 'toolchain', 'tool'), 'of the host\n');
    backend = createBubblewrapBackend({ readOnlyPaths: [path.join(folder, 'toolchain')] });
  });
  afterAll(async () => {
    await backend[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const sh = async (box: Sandbox, script: string) => {
    const result = await box.exec({ argv: ['sh', '-c', script] });
    return { code: result.exitCode, text: outputText(result.stdout) + outputText(result.stderr) };
  };

  test('has what the image has and nothing of the host, beside what it is shown', async () => {
    const box = await backend.create(
      { image: path.join(folder, 'root'), workdir: '/app' },
      { signal: never },
    );
    expect((await sh(box, 'cat /opt/marker; pwd')).text).toBe('of the image\n/app\n');
    expect((await sh(box, 'python3 --version')).code).toBe(127);
    expect((await sh(box, `cat ${folder}/toolchain/tool`)).text).toBe('of the host\n');
    const accounts = await sh(box, 'id -un; cat /etc/passwd');
    expect(accounts.text).toMatch(/^agent\nagent:x:\d+:\d+::\/home\/agent:\/bin\/sh\nimaged:/);
    const writes =
      'for d in / /usr /etc /opt /app; do mkdir $d/x 2>/dev/null && printf "%s " $d; done';
    expect((await sh(box, writes)).text).toBe('/app ');
    expect((await box.stat('/app/x'))?.type).toBe('directory');
    await box.terminate();
  });

  test("refuses what is no folder, and a working directory that is the box's own", async () => {
    const cases: readonly (readonly [SandboxSpec, string])[] = [
      [{ image: 'debian:12' }, 'sandbox.image'],
      [{ image: path.join(folder, 'none') }, 'sandbox.image'],
      [{ workdir: '/' }, 'sandbox.workdir'],
      [{ workdir: '/proc/self' }, 'sandbox.workdir'],
      [{ network: { allow: ['example.org'] } }, 'sandbox.network'],
      [{ resources: { cpus: 1 } }, 'sandbox.resources.cpus'],
      [{ providerOptions: { gpu: 'a' } }, 'sandbox.providerOptions'],
    ];
    for (const [spec, field] of cases) {
      const made = backend.create(spec, { signal: never });
      await expect(made).rejects.toMatchObject({ kind: 'invalid_input', field });
    }
  });

  test('refuses a folder without a shell at once, by the field', async () => {
    const made = (image: string) => backend.create({ image }, { signal: never });
    const refusal = {
      kind: 'invalid_input',
      field: 'sandbox.image',
      message: expect.stringContaining('no program `/bin/sh`'),
    };
    const empty = path.join(folder, 'empty');
    mkdirSync(empty);
    await expect(made(empty)).rejects.toMatchObject(refusal);
    await expect(made('/etc')).rejects.toMatchObject(refusal);
    // Links are the image's own, not the host's, and may lead nowhere or round and round.
    const linked = path.join(folder, 'linked');
    mkdirSync(path.join(linked, 'bin'), { recursive: true });
    symlinkSync('/usr/bin/env', path.join(linked, 'bin/sh'));
    await expect(made(linked)).rejects.toMatchObject(refusal);
    const round = path.join(folder, 'round');
    mkdirSync(round);
    symlinkSync('bin', path.join(round, 'bin'));
    await expect(made(round)).rejects.toMatchObject(refusal);
    const text = path.join(folder, 'text');
    mkdirSync(path.join(text, 'bin'), { recursive: true });
    writeFileSync(path.join(text, 'bin/sh'), 'not to be run', { mode: 0o644 });
    await expect(made(text)).rejects.toMatchObject(refusal);
  });

  test("takes a shell that the image's own links lead to", async () => {
    const root = path.join(folder, 'links');
    mkdirSync(root);
    makeRootfs(root);
    const shell = path.join(root, 'usr/bin/sh');
    renameSync(shell, path.join(root, 'usr/bin/real'));
    symlinkSync('/usr/bin/../../../usr/bin/real', shell);
    const box = await backend.create({ image: root }, { signal: never });
    expect((await sh(box, 'cat /opt/marker')).text).toBe('of the image\n');
    await box.terminate();
  });

  test('works in any directory that can be made: below others of its own, and below /usr when it is there', async () => {
    for (const workdir of [
      '/tmp/deep/er',
      '/home',
      '/home/agent',
      '/tmp',
      '/usr/local',
      '/a/b/c',
    ]) {
      const box = await backend.create({ workdir }, { signal: never });
      expect(
        (await sh(box, 'pwd && echo x > here && cat here && echo y > ~/y && echo z > /tmp/z')).text,
      ).toBe(`${workdir}\nx\n`);
      await box.terminate();
    }
    const made = backend.create({ workdir: '/usr/not/there' }, { signal: never });
    await expect(made).rejects.toMatchObject({ reason: 'SANDBOX_CREATE_FAILED' });
  });

  test('shows folders below its own places, and refuses to show those places themselves', async () => {
    const below = path.join(folder, 'toolchain');
    for (const workdir of ['/tmp', folder, '/workspace']) {
      const box = await backend.create({ workdir }, { signal: never });
      expect((await sh(box, `cat ${below}/tool; echo x > here`)).text).toBe('of the host\n');
      expect((await sh(box, `echo y > ${below}/tool`)).code).not.toBe(0);
      await box.terminate();
    }
    for (const [readOnlyPaths, field] of [
      [['/tmp'], 'readOnlyPaths[0]'],
      [[below, '/home/agent/'], 'readOnlyPaths[1]'],
      [['/workspace'], 'readOnlyPaths[0]'],
      [['relative'], 'readOnlyPaths[0]'],
    ] as const) {
      await using other = createBubblewrapBackend({ readOnlyPaths });
      const made = other.create({}, { signal: never });
      await expect(made).rejects.toMatchObject({ kind: 'invalid_input', field });
    }
  });

  test('that can not be made gives back its number, and leaves nothing', async () => {
    await using one = createBubblewrapBackend({ users: { first: 300_000, count: 1 } });
    for (let i = 0; i < 3; i++) {
      const made = one.create({ workdir: '/usr/not/there' }, { signal: never });
      await expect(made).rejects.toMatchObject({ reason: 'SANDBOX_CREATE_FAILED' });
    }
    const box = await one.create({}, { signal: never });
    await expect(one.create({}, { signal: never })).rejects.toMatchObject({
      reason: 'SANDBOX_SLOTS_EXHAUSTED',
    });
    await box.terminate();
    await one.create({}, { signal: never });
  });

  test('is not made any more once its signal fires', async () => {
    const controller = new AbortController();
    const reason = new Error('no longer');
    const made = backend.create({}, { signal: controller.signal, tags: { who: 'aborted' } });
    setTimeout(() => controller.abort(reason), 1);
    const outcome = await made.then(
      (box) => box,
      (error: unknown) => error,
    );
    // Made in time or refused: either way nobody is left with one.
    if (outcome !== reason) await (outcome as Sandbox).terminate();
    expect(await backend.list({ who: 'aborted' }, never)).toEqual([]);
  });
});
