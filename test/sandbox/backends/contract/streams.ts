import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { outputBytes } from '../../../../src/sandbox/index.ts';
import type { ContractBench } from './bench.ts';

export function testStreams(bench: ContractBench): void {
  const { sh, out, err, testUnless, gaps } = bench;
  describe('input and output', () => {
    testUnless(
      ['binary'],
      'bytes go in and come out as they are, NUL and invalid UTF-8 too',
      async () => {
        const bytes = Buffer.from(Array.from({ length: 5_000 }, (_, i) => (i * 7) % 256));
        const result = await bench.box.exec({ argv: ['cat'], stdin: bytes });
        expect(Buffer.from(outputBytes(result.stdout)).equals(bytes)).toBe(true);
        const split = await sh("printf 'a\\377\\000b'; printf '\\376' >&2");
        expect([...outputBytes(split.stdout)]).toEqual([97, 255, 0, 98]);
        expect([...outputBytes(split.stderr)]).toEqual([254]);
      },
    );

    test('without input a command that reads finds the end at once', async () => {
      const result = await bench.box.exec({ argv: ['cat'] }, { timeoutMs: 10_000 });
      expect(result).toMatchObject({ exitCode: 0, timedOut: false });
      expect(out(result)).toBe('');
    });

    test('input may come piece by piece', async () => {
      const pieces = async function* () {
        for (const word of ['one ', 'two ', 'three']) {
          await pause(5);
          yield Buffer.from(word);
        }
      };
      const result = await bench.box.exec({ argv: ['cat'], stdin: pieces() });
      expect(out(result)).toBe('one two three');
    });

    test('200 KB, and 3 MB, of input arrive whole', async () => {
      for (const size of [200_000, 3_000_000]) {
        const bytes = Buffer.alloc(size, 'abcdefghij');
        const result = await bench.box.exec({ argv: ['wc', '-c'], stdin: bytes });
        expect(out(result).trim()).toBe(String(size));
      }
    });

    test('a command that reads none of its input is not held up', async () => {
      const stdin = Buffer.alloc(4_000_000, 'x');
      const result = await bench.box.exec({ argv: ['echo', 'done'], stdin }, { timeoutMs: 10_000 });
      expect(result).toMatchObject({ exitCode: 0, timedOut: false });
      expect(out(result)).toBe('done\n');
    });

    test('40 % of the beginning and 60 % of the end are kept, and the rest is counted', async () => {
      const script = 'i=0; while [ $i -lt 2000 ]; do echo "line $i"; i=$((i+1)); done';
      const all = Array.from({ length: 2_000 }, (_, i) => `line ${i}\n`).join('');
      const { stdout } = await sh(script, { maxOutputBytes: 1_000 });
      expect(Buffer.from(stdout.head).toString()).toBe(all.slice(0, 400));
      expect(Buffer.from(stdout.tail).toString()).toBe(all.slice(-600));
      expect(stdout.totalBytes).toBe(all.length);
      expect(stdout.omittedBytes).toBe(all.length - 1_000);
    });

    test('chunks are told as they come, in order, of both streams', async () => {
      const seen: { stream: string; text: string; atMs: number }[] = [];
      const began = performance.now();
      await sh('echo first; sleep 0.5; echo second >&2', {
        onChunk: ({ stream, bytes }) => {
          const text = Buffer.from(bytes).toString();
          seen.push({ stream, text, atMs: performance.now() - began });
        },
      });
      const joined = (which: string) =>
        seen
          .filter(({ stream }) => stream === which)
          .map(({ text }) => text)
          .join('');
      expect(joined('stdout')).toBe('first\n');
      expect(joined('stderr')).toBe('second\n');
      if (gaps.streams !== undefined) return;
      expect(seen.at(-1)!.atMs - seen[0]!.atMs).toBeGreaterThan(200);
    });

    testUnless(['devices'], 'a command can open its own streams by name', async () => {
      const script =
        'echo to-out > /dev/stdout; echo to-err > /dev/stderr; cat /dev/stdin; echo again >> /dev/stdout';
      const result = await sh(script, { timeoutMs: 10_000 }, { stdin: Buffer.from('in\n') });
      expect(out(result)).toBe('to-out\nin\nagain\n');
      expect(err(result)).toBe('to-err\n');
      const empty = await sh('cat /dev/stdin', { timeoutMs: 10_000 });
      expect(empty).toMatchObject({ exitCode: 0, timedOut: false });
    });
  });
}
