import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  createJustBashBackend,
  createSandboxPool,
  openBackend,
  openRolloutSandbox,
  outputBytes,
  outputText,
  type Sandbox,
  type SandboxBackend,
} from '../../../../src/sandbox/index.ts';

const { signal } = new AbortController();
let backend: SandboxBackend;
let box: Sandbox;

beforeEach(async () => {
  backend = createJustBashBackend();
  box = await backend.create({}, { signal });
});
afterEach(() => backend[Symbol.asyncDispose]());

const sh = (script: string, timeoutMs = 10_000) =>
  box.exec({ argv: ['sh', '-c', script] }, { timeoutMs });

describe('an endless loop', () => {
  test.each([
    ['of builtins', 'echo up; while :; do :; done'],
    ['of arithmetic', 'echo up; for ((;;)); do ((i++)); done'],
    ['of writes', 'echo up; while :; do echo x >> /tmp/x; done'],
    ['in a function', 'echo up; f() { until false; do [[ a == b ]]; done; }; f'],
  ])('%s ends at its time, blocks nobody here, and its sandbox goes on', async (_, script) => {
    let longestMs = 0;
    let lastMs = performance.now();
    const watch = setInterval(() => {
      longestMs = Math.max(longestMs, performance.now() - lastMs);
      lastMs = performance.now();
    }, 5);
    const result = await sh(script, 400);
    clearInterval(watch);
    expect(result).toMatchObject({ exitCode: 124, timedOut: true, leftRunning: false });
    expect(outputText(result.stdout)).toBe('up\n');
    expect(result.durationMs).toBeLessThan(2_500);
    expect(longestMs).toBeLessThan(250);
    expect((await sh('echo works')).exitCode).toBe(0);
  });

  test('of output is held back by who reads it, and bounded', async () => {
    const result = await box.exec(
      { argv: ['sh', '-c', 'while :; do echo yyyyyyyyyyyyyyyyyyyyyyyyyyyyyy; done'] },
      { timeoutMs: 500, maxOutputBytes: 1_000, onChunk: () => pause(1) },
    );
    expect(result).toMatchObject({ exitCode: 124, timedOut: true });
    expect(result.stdout.head.length + result.stdout.tail.length).toBe(1_000);
  });

  test('of memory ends with an error of the shell', async () => {
    const result = await sh('x=a; while :; do x=$x$x; done', 20_000);
    expect(result).toMatchObject({ exitCode: 126, timedOut: false });
    expect(outputText(result.stderr)).toContain('limit exceeded');
  });
});

test('files beyond `diskMiB` are refused, and the sandbox goes on', async () => {
  const small = await backend.create({ resources: { diskMiB: 1 } }, { signal });
  const script = 'x=$(printf "%01000d" 0); for i in {1..3000}; do echo $x >> f || exit 9; done';
  const result = await small.exec({ argv: ['bash', '-c', script] }, { timeoutMs: 15_000 });
  expect(result.exitCode).not.toBe(0);
  expect((await small.stat('/workspace/f'))?.size).toBeLessThan(1_048_577);
  expect((await small.exec({ argv: ['true'] })).exitCode).toBe(0);
});

test('a heap beyond `memoryMiB` ends the sandbox as a fault, and nothing of ours', async () => {
  const small = await backend.create({ resources: { memoryMiB: 32 } }, { signal });
  const script = 'x=(); i=0; while :; do x[i++]=$(seq 20000); done';
  const exec = small.exec({ argv: ['sh', '-c', script] }, { timeoutMs: 25_000 });
  await expect(exec).rejects.toMatchObject({
    kind: 'infrastructure_error',
    reason: 'SANDBOX_GONE',
    metadata: { endedBy: 'tenant' },
    message: expect.stringContaining('memory'),
  });
  expect(await small.status()).toBe('gone');
  expect((await sh('echo works')).exitCode).toBe(0);
}, 30_000);

test('bytes of files come out as they went in, through commands too', async () => {
  const bytes = Buffer.from(Array.from({ length: 3_000 }, (_, i) => (i * 7) % 256));
  const { stdout } = await box.exec({ argv: ['cat'], stdin: bytes });
  expect(Buffer.from(outputBytes(stdout)).equals(bytes)).toBe(true);
  await box.exec({ argv: ['sh', '-c', 'cat > in; cat in | tee out >/dev/null'], stdin: bytes });
  const again = await box.exec({ argv: ['cat', 'out'] });
  expect(Buffer.from(outputBytes(again.stdout)).equals(bytes)).toBe(true);
});

test('what a shell call changed of its options is nothing of the next command', async () => {
  await sh('shopt -s extglob; export LEAKED=1; f() { :; }; alias ll=ls');
  const { stdout } = await sh('shopt extglob; echo "[$LEAKED]"; type f 2>/dev/null; env');
  expect(outputText(stdout)).toMatch(/^extglob\s+off\n\[\]\n/);
  expect(outputText(stdout)).not.toContain('LEAKED');
});

test('there is no network, no real file of the host and no program of it', async () => {
  const { stdout } = await sh('curl http://127.0.0.1:1 2>&1; ls /etc/passwd /work 2>&1; node 2>&1');
  expect(outputText(stdout)).toMatch(/curl: command not (found|available)/);
  expect(outputText(stdout).match(/No such file/g)).toHaveLength(2);
  expect(outputText(stdout)).toMatch(/node: command not (found|available)/);
});

test('leases of a pool share no files, and a used sandbox is nobody else’s', async () => {
  await using pool = createSandboxPool({ backend, maxTotal: 2 });
  const request = { owner: 'test', signal };
  const first = await pool.acquire({}, request);
  const second = await pool.acquire({}, request);
  await first.exec({ argv: ['touch', '/tmp/mine'] });
  expect(await second.stat('/tmp/mine')).toBeUndefined();
  const used = first.id;
  await first.release();
  const third = await pool.acquire({}, request);
  expect(third.id).not.toBe(used);
  expect(await third.stat('/tmp/mine')).toBeUndefined();
});

test("a rollout's files and shell work; a program in the background is refused", async () => {
  await using pool = createSandboxPool({ backend, maxTotal: 1 });
  const lease = await pool.acquire({}, { owner: 'test', signal });
  await using sandbox = openRolloutSandbox(lease);
  const bytes = Buffer.from([0, 255, 10, 128]);
  await sandbox.writeFile('deep/er/file', bytes);
  await sandbox.shell.run('ln -s file deep/er/link; cd deep');
  expect([...(await sandbox.readFile('deep/er/link'))]).toEqual([...bytes]);
  await expect(sandbox.readFile('none')).rejects.toMatchObject({ reason: 'FILE_NOT_FOUND' });
  await expect(sandbox.processes.start('sleep 1')).rejects.toMatchObject({
    kind: 'unimplemented',
    reason: 'OPEN_INPUT_UNSUPPORTED',
  });
  expect(sandbox.isolation).toBe('simulated');
});

test('its lifetime ends it, and it is known by its name', async () => {
  await using named = await openBackend('just-bash', {
    onWarning: () => {},
    allowRoot: false,
    environment: {},
  });
  const short = await named.create({}, { signal, lifetimeMs: 1_000 });
  await expect.poll(() => short.status(), { timeout: 5_000 }).toBe('gone');
});

test.each([
  [{ image: 'debian' }, 'sandbox.image'],
  [{ network: 'open' }, 'sandbox.network'],
  [{ providerOptions: { region: 'x' } }, 'sandbox.providerOptions.region'],
] as const)('a spec with %j is refused', async (spec, field) => {
  await expect(backend.create(spec, { signal })).rejects.toMatchObject({
    kind: 'invalid_input',
    field,
  });
});
