import { describe, expect, test } from 'vitest';
import type { ContractBench } from './bench.ts';

export function testRunning(bench: ContractBench): void {
  const { sh, out, err, gaps } = bench;
  describe('running a command', () => {
    test('its exit code is what it ended with', async () => {
      for (const code of [0, 1, 7, 124, 130, 255]) {
        const result = await sh(`exit ${code}`);
        expect(result).toMatchObject({ exitCode: code, timedOut: false, aborted: false });
        expect(result.signal).toBeUndefined();
        expect(result.leftRunning).toBe(false);
      }
    });

    test('a program that is not there gives 127, one that may not be run 126', async () => {
      const missing = await bench.box.exec({ argv: ['no-such-program-at-all'] });
      expect(missing.exitCode).toBe(127);
      if (gaps.modes !== undefined) return;
      await sh('echo "#!/bin/sh" > plain && chmod 644 plain');
      const refused = await bench.box.exec({ argv: ['./plain'] });
      expect(refused.exitCode).toBe(126);
    });

    test('its arguments come as they are, read by no shell', async () => {
      const words = ['a b', '$HOME', '`id`', "it's", '"', '*', '\\', 'ü€🙂', '', '-n', 'x\ny', ';'];
      const result = await bench.box.exec({ argv: ['printf', '<%s>', ...words] });
      expect(out(result)).toBe(words.map((word) => `<${word}>`).join(''));
    });

    test('it begins in the working directory, or where it is told', async () => {
      expect(out(await bench.box.exec({ argv: ['pwd'] })).trim()).toBe(bench.box.workdir);
      await sh('mkdir -p "odd dir/ü"');
      const cwd = `${bench.box.workdir}/odd dir/ü`;
      expect(out(await bench.box.exec({ argv: ['pwd'], cwd })).trim()).toBe(cwd);
      const nowhere = await bench.box.exec({ argv: ['pwd'], cwd: `${bench.box.workdir}/nowhere` });
      expect(nowhere.exitCode).not.toBe(0);
      expect(out(nowhere)).toBe('');
    });

    test("its variables are the sandbox's, under its own", async () => {
      const env = { PLAIN: 'one', ODD: ' a "b" $c `d` \n ü', EMPTY: '' };
      const result = await sh('printf "%s|%s|[%s]" "$PLAIN" "$ODD" "$EMPTY"', {}, { env });
      expect(out(result)).toBe(`one|${env.ODD}|[]`);
      expect(out(await sh('printf "[%s]" "$PLAIN"'))).toBe('[]');
      expect(out(await sh('test -n "$PATH" && test -n "$HOME" && echo set'))).toBe('set\n');
    });

    test('none of our own variables are among them', async () => {
      // Set for this test only, in our own process, as a key would be.
      process.env['CONTRACT_SUITE_SECRET'] = 'not-for-commands';
      try {
        const result = await bench.box.exec({ argv: ['env'] });
        expect(out(result)).not.toContain('not-for-commands');
      } finally {
        delete process.env['CONTRACT_SUITE_SECRET'];
      }
    });

    test('two that run at a time do not wait for each other, and keep their output apart', async () => {
      if (gaps.concurrent !== undefined) return;
      const results = await Promise.all(
        Array.from({ length: 8 }, (_, i) => sh(`sleep 0.3; echo out ${i}; echo err ${i} >&2`)),
      );
      results.forEach((result, i) => {
        expect([out(result), err(result)]).toEqual([`out ${i}\n`, `err ${i}\n`]);
      });
      // The first can only end when the second has run.
      const [first] = await Promise.all([
        sh('for i in $(seq 200); do [ -e made ] && exit 3; sleep 0.05; done'),
        sh('sleep 0.1; touch made'),
      ]);
      expect(first.exitCode).toBe(3);
    });
  });
}
