import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { SandboxProcess } from '../../../../src/sandbox/index.ts';
import type { ContractBench } from './bench.ts';

export function testStarting(bench: ContractBench): void {
  const { testUnless, gaps } = bench;
  describe('starting a command', () => {
    const read = async (process: SandboxProcess): Promise<string> => {
      let text = '';
      for await (const { bytes } of process.output) text += Buffer.from(bytes).toString();
      return text;
    };

    test('where it can not be written to, to ask for that is refused', async () => {
      if (gaps.streams === undefined) return;
      const spawned = bench.box.spawn({ argv: ['cat'], stdin: 'open' });
      await expect(spawned).rejects.toMatchObject({ kind: 'unimplemented' });
    });

    testUnless(['streams'], 'it is written to and answers, until its input is closed', async () => {
      const script = 'while read -r line; do echo "got $line"; done; echo end; exit 5';
      const process = await bench.box.spawn({ argv: ['sh', '-c', script], stdin: 'open' });
      const chunks = process.output[Symbol.asyncIterator]();
      await process.write(Buffer.from('one\n'));
      expect(Buffer.from((await chunks.next()).value!.bytes).toString()).toBe('got one\n');
      await process.write(Buffer.from('two\n'));
      expect(Buffer.from((await chunks.next()).value!.bytes).toString()).toBe('got two\n');
      await process.closeInput();
      let rest = '';
      for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) {
        rest += Buffer.from(next.value.bytes).toString();
      }
      expect(rest).toBe('end\n');
      expect(await process.exited).toEqual({ code: 5 });
    });

    testUnless(['streams', 'signals'], 'it is told to end, and says by what it ended', async () => {
      const process = await bench.box.spawn({
        argv: ['sh', '-c', 'echo up; sleep 60'],
        stdin: 'open',
      });
      const chunks = process.output[Symbol.asyncIterator]();
      await chunks.next();
      await process.kill('SIGKILL');
      expect(await process.exited).toEqual({ signal: 'SIGKILL' });
      expect((await chunks.next()).done).toBe(true);
      // Once it has ended, it is told nothing any more.
      await process.kill('SIGTERM');
      await process.write(Buffer.from('too late'));
      await process.closeInput();
      process.detach();
    });

    testUnless(['streams', 'signals'], 'SIGINT and SIGTERM reach its whole group', async () => {
      for (const [signal, word] of [
        ['SIGINT', 'INT'],
        ['SIGTERM', 'TERM'],
      ] as const) {
        const script = `trap "echo told; exit 9" ${word}; echo up; while :; do sleep 0.05; done`;
        const process = await bench.box.spawn({ argv: ['sh', '-c', script] });
        const chunks = process.output[Symbol.asyncIterator]();
        await chunks.next();
        await process.kill(signal);
        expect(await process.exited).toEqual({ code: 9 });
        let said = '';
        for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) {
          // The shell may tell on the other stream what became of its own child.
          if (next.value.stream === 'stdout') said += Buffer.from(next.value.bytes).toString();
        }
        expect(said).toBe('told\n');
      }
    });

    testUnless(['streams'], 'detached, its output ends whoever holds the pipes', async () => {
      const process = await bench.box.spawn({ argv: ['sh', '-c', 'echo up; sleep 60'] });
      const reading = read(process);
      await pause(300);
      process.detach();
      expect(await reading).toBe('up\n');
      await process.kill('SIGKILL');
      await process.exited;
    });

    testUnless(['streams'], 'a slow reader holds it back, and loses nothing', async () => {
      const process = await bench.box.spawn({ argv: ['sh', '-c', 'seq 300000'] });
      let bytes = 0;
      for await (const chunk of process.output) {
        if (bytes === 0) await pause(300);
        bytes += chunk.bytes.length;
      }
      expect(bytes).toBe(1_988_895);
      expect(await process.exited).toEqual({ code: 0 });
    });
  });
}
