import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { ContractBench } from './bench.ts';

export function testEnding(bench: ContractBench): void {
  const { sh, out, testUnless, gaps } = bench;
  describe('ending a command', () => {
    test('a time-out gives 124 with what was said until then, and the sandbox goes on', async () => {
      const began = performance.now();
      const result = await sh('echo before; sleep 30; echo after', { timeoutMs: 500 });
      expect(result).toMatchObject({ exitCode: 124, timedOut: true, aborted: false });
      expect(out(result)).toBe('before\n');
      expect(performance.now() - began).toBeLessThan(8_000);
      expect(out(await sh('echo works'))).toBe('works\n');
    });

    test('an abort gives 130 with what was said until then, and the sandbox goes on', async () => {
      const controller = new AbortController();
      const result = await sh('echo before; sleep 30', {
        signal: controller.signal,
        onChunk: () => controller.abort(new Error('enough')),
      });
      expect(result).toMatchObject({ exitCode: 130, timedOut: false, aborted: true });
      expect(out(result)).toBe('before\n');
      expect(out(await sh('echo works'))).toBe('works\n');
    });

    test('a signal that has fired already runs nothing', async () => {
      const reason = new Error('never mind');
      const exec = sh('touch ran-anyway', { signal: AbortSignal.abort(reason) });
      await expect(exec).rejects.toBe(reason);
      expect(await bench.box.stat(`${bench.box.workdir}/ran-anyway`)).toBeUndefined();
    });

    testUnless(
      ['processes'],
      'one that was killed gives 128 and the signal, with its name',
      async () => {
        expect(await sh('kill -9 $$')).toMatchObject({ exitCode: 137, signal: 'SIGKILL' });
        expect(await sh('kill -11 $$')).toMatchObject({ exitCode: 139, signal: 'SIGSEGV' });
        expect(await sh('kill -15 $$')).toMatchObject({ exitCode: 143, signal: 'SIGTERM' });
      },
    );

    testUnless(
      ['processes', 'signals'],
      'one that takes no notice of SIGTERM is killed',
      async () => {
        const script = 'trap "" TERM INT HUP; echo armed; while :; do sleep 0.1; done';
        const result = await sh(script, { timeoutMs: 400 });
        expect(result).toMatchObject({ exitCode: 124, timedOut: true, leftRunning: false });
        expect(out(result)).toBe('armed\n');
      },
    );

    testUnless(
      ['processes', 'signals'],
      'one that heeds SIGTERM may still say something',
      async () => {
        const script = 'trap "echo bye; exit 3" TERM; echo up; while :; do sleep 0.05; done';
        const result = await sh(script, { timeoutMs: 400 });
        expect(result).toMatchObject({ exitCode: 124, timedOut: true });
        expect(out(result)).toBe('up\nbye\n');
      },
    );

    testUnless(
      ['processes', 'signals'],
      'all that it started ends with it, the immune ones too',
      async () => {
        const script = `(trap "" TERM; while :; do sleep 0.1; echo beat >> beats; done) &
          sleep 0.3; sleep 60`;
        expect((await sh(script, { timeoutMs: 600 })).timedOut).toBe(true);
        const before = out(await sh('wc -l < beats'));
        await pause(500);
        expect(Number(before)).toBeGreaterThan(0);
        expect(out(await sh('wc -l < beats'))).toBe(before);
      },
    );

    testUnless(
      ['processes'],
      'a child left behind that holds the pipes holds nobody up',
      async () => {
        const began = performance.now();
        const result = await sh('sleep 30 & echo done');
        expect(performance.now() - began).toBeLessThan(5_000);
        expect(result.exitCode).toBe(0);
        expect(result.leftRunning).toBe(gaps.pipes === undefined);
        expect(out(result)).toBe('done\n');
      },
    );

    testUnless(
      ['processes'],
      'a child left behind that holds no pipes goes on running',
      async () => {
        const result = await sh('(sleep 0.6; touch later) >/dev/null 2>&1 </dev/null & echo done');
        expect(result).toMatchObject({ exitCode: 0, leftRunning: false });
        await expect
          .poll(() => bench.box.stat(`${bench.box.workdir}/later`), { timeout: 10_000 })
          .toBeDefined();
      },
    );
  });
}
