import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  createProcessBackend,
  outputText,
  type ProcessOptions,
  type Sandbox,
  type SandboxSpec,
} from '../../../../src/sandbox/index.ts';

const never = new AbortController().signal;

describe('the process backend', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'process-contract-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const backendWith = (options: Partial<ProcessOptions> = {}) =>
    createProcessBackend({ folder, allowRoot: true, onWarning: () => {}, ...options });
  const sh = async (sandbox: Sandbox, script: string) =>
    outputText((await sandbox.exec({ argv: ['sh', '-c', script] })).stdout);

  test('says once what it does not do', async () => {
    const warnings: string[] = [];
    await using backend = backendWith({ onWarning: (warning) => warnings.push(warning) });
    await backend.create({}, { signal: never });
    await backend.create({}, { signal: never });
    expect(warnings).toEqual([expect.stringContaining('keep nothing apart')]);
    expect(backend.capabilities).toMatchObject({ isolation: 'process', networks: ['open'] });
  });

  test.skipIf(process.getuid?.() !== 0)(
    'refuses to run commands as root unless it is told to',
    async () => {
      await using backend = backendWith({ allowRoot: false });
      await expect(backend.create({}, { signal: never })).rejects.toMatchObject({
        reason: 'PROCESS_BACKEND_AS_ROOT',
        remedy: expect.stringContaining('allowRoot: true'),
      });
      expect(await backend.probe({ signal: never })).toMatchObject({
        works: false,
        remedy: expect.stringContaining('allowRoot: true'),
      });
      expect(readdirSync(folder)).toEqual([]);
    },
  );

  test('refuses what it can not give, by the field', async () => {
    await using backend = backendWith();
    const cases: readonly (readonly [SandboxSpec, string])[] = [
      [{ image: 'debian' }, 'sandbox.image'],
      [{ workdir: '/workspace' }, 'sandbox.workdir'],
      [{ network: 'none' }, 'sandbox.network'],
      [{ network: { allow: ['example.org'] } }, 'sandbox.network'],
      [{ providerOptions: { x: 1 } }, 'sandbox.providerOptions'],
    ];
    for (const [spec, field] of cases) {
      const made = backend.create(spec, { signal: never });
      await expect(made).rejects.toMatchObject({ kind: 'invalid_input', field });
    }
  });

  test('gives each sandbox a folder that only its user may enter', async () => {
    await using backend = backendWith();
    const sandbox = await backend.create({}, { signal: never });
    const [name = ''] = readdirSync(folder);
    expect(statSync(path.join(folder, name)).mode & 0o777).toBe(0o700);
    const { HOME, TMPDIR } = Object.fromEntries(
      (await sh(sandbox, 'env')).split('\n').map((line) => line.split('=', 2)),
    );
    for (const place of [HOME, TMPDIR, sandbox.workdir]) {
      expect(place?.startsWith(path.join(folder, name))).toBe(true);
      expect(existsSync(String(place))).toBe(true);
    }
  });

  test('ends daemons of their own sessions, by the mark that they carry or where they stand', async () => {
    await using backend = backendWith();
    const sandbox = await backend.create({}, { signal: never });
    const script = `setsid -f sh -c 'echo $$ > one; exec sleep 1000' >/dev/null 2>&1 </dev/null
      setsid -f env -i sh -c 'echo $$ > two; exec sleep 1000' >/dev/null 2>&1 </dev/null
      until [ -s one ] && [ -s two ]; do sleep 0.02; done; cat one two`;
    const daemons = (await sh(sandbox, script)).trim().split('\n').map(Number);
    expect(daemons.map(isRunning)).toEqual([true, true]);
    await sandbox.terminate();
    expect(daemons.map(isRunning)).toEqual([false, false]);
  });

  test('removes its folder whole, and nothing that a link in it points at', async () => {
    await using backend = backendWith();
    const outside = path.join(folder, 'precious');
    writeFileSync(outside, 'kept');
    const sandbox = await backend.create({}, { signal: never });
    await sh(sandbox, `ln -s ${folder} link; mkdir -p a/b/c; touch a/b/c/d; chmod 000 a/b/c a/b a`);
    await sandbox.terminate();
    expect(readdirSync(folder)).toEqual(['precious']);
    expect(readFileSync(outside, 'utf8')).toBe('kept');
  });

  test('finds by its tags what a process that was killed left behind, and ends it', async () => {
    const program = path.join(import.meta.dirname, 'left-behind.ts');
    const child = spawn(process.execPath, ['--conditions=lachesis-source', program, folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    for await (const bytes of child.stdout) {
      said += String(bytes);
      if (said.includes('\n')) break;
    }
    child.kill('SIGKILL');
    await once(child, 'exit');
    const pid = Number(said);
    expect(isRunning(pid)).toBe(true);
    await using backend = backendWith();
    const found = await backend.list({ owner: 'the one that was killed' }, never);
    expect(found).toHaveLength(1);
    await found[0]?.terminate();
    expect(isRunning(pid)).toBe(false);
    expect(readdirSync(folder)).toEqual([]);
    expect(await backend.list({}, never)).toEqual([]);
  });

  test('holds each process to the memory of the spec', async () => {
    await using backend = backendWith();
    const sandbox = await backend.create({ resources: { memoryMiB: 300 } }, { signal: never });
    const result = await sandbox.exec({ argv: ['python3', '-c', 'bytearray(600 << 20)'] });
    expect(outputText(result.stderr)).toContain('MemoryError');
  });
});

function isRunning(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
