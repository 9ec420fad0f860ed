import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { outputText } from '../../../../src/sandbox/index.ts';
import { noBoxes } from '../../../support/boxes.ts';
import { useFakeModal } from '../../../support/modal/use-fake-modal.ts';

describe.skipIf(noBoxes !== undefined)('running commands on Modal', () => {
  const bench = useFakeModal();

  test('a deadline of odd milliseconds is held exactly, and what was said until then is kept', async () => {
    const sandbox = await bench.sandbox();
    const script = 'echo before; echo complaint >&2; sleep 20';
    const result = await sandbox.exec({ argv: ['sh', '-c', script] }, { timeoutMs: 730 });
    expect(result).toMatchObject({ exitCode: 124, timedOut: true, leftRunning: false });
    expect([outputText(result.stdout), outputText(result.stderr)]).toEqual([
      'before\n',
      'complaint\n',
    ]);
    expect(result.durationMs).toBeGreaterThanOrEqual(730);
    expect(result.durationMs).toBeLessThan(1_730);
  });

  test('one that is told to end really ends in the sandbox, with all of its group', async () => {
    const sandbox = await bench.sandbox();
    const marked = 'sleep 4711';
    const controller = new AbortController();
    const running = sandbox.exec(
      { argv: ['sh', '-c', `${marked} & ${marked} & echo up; wait`] },
      { signal: controller.signal, onChunk: () => controller.abort() },
    );
    expect(await running).toMatchObject({ exitCode: 130, aborted: true, leftRunning: false });
    const count = `cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -o '${marked.replace('4', '[4]')}' | wc -l`;
    const left = await sandbox.exec({ argv: ['sh', '-c', count] });
    expect(outputText(left.stdout).trim()).toBe('0');
  });

  test('one that was started for nobody any more is ended', async () => {
    const sandbox = await bench.sandbox();
    const controller = new AbortController();
    const spawned = sandbox.spawn({ argv: ['sleep', '4712'] }, { signal: controller.signal });
    controller.abort(new Error('too late'));
    await expect(spawned).rejects.toThrow('too late');
    const count = "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -o 'sleep [4]712' | wc -l";
    await expect
      .poll(async () =>
        outputText((await sandbox.exec({ argv: ['sh', '-c', count] })).stdout).trim(),
      )
      .toBe('0');
  });

  test('a child that holds the output holds neither the caller nor a stream of Modal', async () => {
    const sandbox = await bench.sandbox();
    const result = await sandbox.exec({ argv: ['sh', '-c', 'sleep 30 & echo done'] });
    expect(result).toMatchObject({ exitCode: 0, leftRunning: true });
    expect(result.durationMs).toBeLessThan(3_000);
    await expect.poll(() => bench.fake.world.openReads).toBe(0);
  });

  test('50 MB of output pass within bounds, and all of it is counted', async () => {
    const sandbox = await bench.sandbox();
    const script = 'head -c 50000000 /dev/zero';
    const result = await sandbox.exec(
      { argv: ['sh', '-c', script] },
      { maxOutputBytes: 1_000, timeoutMs: 30_000 },
    );
    expect(result.stdout.totalBytes).toBe(50_000_000);
    expect(result.stdout.head.length + result.stdout.tail.length).toBe(1_000);
  }, 40_000);

  test('a complaint of the command is its own to the byte, whatever it begins with', async () => {
    const sandbox = await bench.sandbox();
    for (const said of ['7\n8\n', '\n', '', 'no end']) {
      const script = 'printf "%s" "$0" >&2';
      const { stderr } = await sandbox.exec({ argv: ['sh', '-c', script, said] });
      expect(outputText(stderr)).toBe(said);
    }
  });

  test('arguments that fill what Modal takes are refused by our words, not by its', async () => {
    const sandbox = await bench.sandbox();
    const tooLong = sandbox.exec({ argv: ['echo', 'x'.repeat(65_500)] });
    await expect(tooLong).rejects.toMatchObject({ kind: 'invalid_input', field: 'command.argv' });
    await expect(tooLong).rejects.toThrow(/Give long text by `stdin`/);
  });

  test('nothing of ours is in a sandbox: no key, no variable that was not given', async () => {
    const sandbox = await bench.sandbox({ env: { SPEC: '1' } });
    const command = { argv: ['env'], env: { OWN: '2' } } as const;
    const { stdout } = await sandbox.exec(command);
    expect(outputText(stdout)).toContain('SPEC=1\n');
    expect(outputText(stdout)).toContain('OWN=2\n');
    expect(outputText(stdout)).not.toMatch(/MODAL_|as-fake/);
    for (const { argv, env } of bench.fake.world.sandboxes.get(sandbox.id)!.seen) {
      expect(Object.keys(env).every((name) => ['SPEC', 'OWN'].includes(name))).toBe(true);
      expect(argv.join(' ')).not.toContain('as-fake');
    }
  });

  test('a background command is written to, read and ended', async () => {
    const sandbox = await bench.sandbox();
    const process = await sandbox.spawn({ argv: ['cat'], stdin: 'open' });
    const chunks = process.output[Symbol.asyncIterator]();
    await process.write(Buffer.from('hello'));
    const { value } = await chunks.next();
    expect(Buffer.from(value!.bytes).toString()).toBe('hello');
    await pause(50);
    await process.kill('SIGTERM');
    expect(await process.exited).toEqual({ signal: 'SIGTERM' });
    expect((await chunks.next()).done).toBe(true);
  });

  test("what Modal's client warns of goes to whoever asked, and not to the console", async () => {
    const warnings: string[] = [];
    await bench.sandbox({}, { onWarning: (text) => warnings.push(text) });
    expect(warnings.join('\n')).toMatch(/insecure/i);
  });
});
