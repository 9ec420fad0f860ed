import { afterEach, beforeEach, expect, test } from 'vitest';
import type { RolloutSandbox, SandboxLease } from '../../../src/sandbox/index.ts';
import { openRolloutSandbox } from '../../../src/sandbox/index.ts';
import { openHostLease } from '../support/host-sandbox.ts';

let lease: SandboxLease;
let sandbox: RolloutSandbox & AsyncDisposable;

beforeEach(async () => {
  lease = await openHostLease();
  sandbox = openRolloutSandbox(lease, { maxProcesses: 2 });
});
afterEach(async () => {
  await sandbox[Symbol.asyncDispose]();
  await lease.release();
});

test("starts in the shell's directory, with its variables and functions", async () => {
  await sandbox.shell.run('mkdir d; cd d; export A=1; f() { echo "f $A"; }');
  const process = await sandbox.processes.start('f; pwd; exit 3');
  expect(await process.wait({ timeoutMs: 5_000 })).toBe(true);
  expect(process).toMatchObject({ id: 'proc_1', exitCode: 3, script: 'f; pwd; exit 3' });
  expect(process.output()).toEqual({ text: `f 1\n${sandbox.workdir}/d\n`, droppedBytes: 0 });
});

test('reads what is written to it, also what comes right after the script', async () => {
  const process = await sandbox.processes.start(
    'while read -r line; do echo "got $line"; done; echo end',
  );
  await process.write('one\ntwo\n');
  await expect.poll(() => process.output().text).toBe('got one\ngot two\n');
  expect(process.exitCode).toBeUndefined();
  await process.closeInput();
  expect(await process.wait({ timeoutMs: 5_000 })).toBe(true);
  expect(process.output().text).toBe('got one\ngot two\nend\n');
});

test('a wait ends at its time-out, and with its signal', async () => {
  const process = await sandbox.processes.start('sleep 30');
  expect(await process.wait({ timeoutMs: 20 })).toBe(false);
  const signal = AbortSignal.abort(new Error('no more'));
  await expect(process.wait({ timeoutMs: 5_000, signal })).rejects.toThrow('no more');
});

test('a kill takes what it started along', async () => {
  const process = await sandbox.processes.start(
    `(trap '' TERM; sleep 30; echo late) & echo $!; wait`,
  );
  await expect.poll(() => process.output().text).toMatch(/\d+\n/);
  const child = process.output().text.trim();
  await process.kill();
  expect(process.exitCode).toBe(137);
  await process.kill();
  // In the state of a zombie, it may wait for a reaper; it runs no more.
  const { stdout } = await sandbox.exec(`cut -d' ' -f3 /proc/${child}/stat 2>/dev/null || echo X`);
  expect(Buffer.from(stdout.head).toString().trim()).toMatch(/^[ZX]?$/);
});

test('keeps the last bytes of a flood, on whole characters', async () => {
  const process = await sandbox.processes.start(
    `head -c 1000000 /dev/zero | tr '\\0' x; for i in {1..70000}; do printf '€'; done; printf end`,
  );
  expect(await process.wait({ timeoutMs: 20_000 })).toBe(true);
  const { text, droppedBytes } = process.output();
  expect(text).toMatch(/^€+end$/);
  expect(Buffer.byteLength(text) + droppedBytes).toBe(1_000_000 + 210_000 + 3);
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(200_000);
}, 30_000);

test('one too many is refused, until one has ended', async () => {
  const first = await sandbox.processes.start('sleep 30');
  await sandbox.processes.start('sleep 30');
  await expect(sandbox.processes.start('sleep 30')).rejects.toMatchObject({
    kind: 'resource_exhausted',
    reason: 'TOO_MANY_PROCESSES',
  });
  await first.kill();
  const third = await sandbox.processes.start('true');
  expect(third.id).toBe('proc_3');
  expect(sandbox.processes.all.map(({ id }) => id)).toEqual(['proc_1', 'proc_2', 'proc_3']);
  expect(sandbox.processes.get('proc_3')).toBe(third);
  expect(sandbox.processes.get('proc_9')).toBeUndefined();
});

test('all end when the handle does, and none is started after that', async () => {
  const process = await sandbox.processes.start('sleep 30');
  await sandbox[Symbol.asyncDispose]();
  expect(process.exitCode).toBe(137);
  await expect(sandbox.processes.start('true')).rejects.toMatchObject({
    reason: 'LEASE_RELEASED',
  });
});

test('has a terminal where that is asked for, and what is typed goes through it', async () => {
  await sandbox.shell.run('mkdir d; cd d; export A=1');
  const script =
    'test -t 0 && test -t 1 && echo "a tty, $A"; stty size; read -r x; echo "<$x>"; exit 3';
  const process = await sandbox.processes.start(script, { pty: true });
  await expect.poll(() => process.output().text).toContain('a tty, 1\r\n40 120\r\n');
  await process.write('typed\n');
  expect(await process.wait({ timeoutMs: 5_000 })).toBe(true);
  expect(process.output().text).toContain('<typed>\r\n');
  expect(process.exitCode).toBe(3);
});

test('a kill ends what has a terminal', async () => {
  const process = await sandbox.processes.start('echo $$; sleep 30', { pty: true });
  await expect.poll(() => process.output().text).toMatch(/\d+\r\n/);
  const child = process.output().text.trim();
  await process.kill();
  const state = `cut -d' ' -f3 /proc/${child}/stat 2>/dev/null || echo X`;
  await expect
    .poll(async () =>
      Buffer.from((await sandbox.exec(state)).stdout.head)
        .toString()
        .trim(),
    )
    .toMatch(/^[ZX]?$/);
});

test('says what is missing where there is no terminal to be had', async () => {
  await sandbox.shell.run('export PATH=/nowhere');
  const process = await sandbox.processes.start('true', { pty: true });
  expect(await process.wait({ timeoutMs: 5_000 })).toBe(true);
  expect(process.output().text).toBe(
    'a terminal needs the program script of util-linux in the sandbox\n',
  );
  expect(process.exitCode).toBe(127);
});
