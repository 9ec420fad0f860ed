import { spawn } from 'node:child_process';
import { expect, test } from 'vitest';
import { adoptChild } from '../../../src/sandbox/exec/adopt-child.ts';
import { outputText } from '../../../src/sandbox/exec/output-text.ts';
import { runCommand } from '../../../src/sandbox/exec/run-command.ts';

/** Runs a script in a shell; once it has ended, this process is busy for as long as given. */
async function runThenBusy(script: string, busyMs: number) {
  return await runCommand(async () => {
    const child = spawn('sh', ['-c', script], { detached: true });
    child.once('exit', () => {
      setTimeout(() => {
        const untilMs = performance.now() + busyMs;
        while (performance.now() < untilMs);
      }, 10);
    });
    return adoptChild(child, { stdin: undefined, kill: (signal) => child.kill(signal) });
  }, {});
}

test('what a command wrote is not lost because this process was busy when it ended', async () => {
  // The last of it comes while this process looks at nothing, and the pipe is closed by then.
  const result = await runThenBusy('(sleep 0.1; seq 20000; echo last) & echo first', 600);
  expect(outputText(result.stdout)).toMatch(/^first\n1\n2\n[\d\n]*\n20000\nlast\n$/);
  expect(result).toMatchObject({ exitCode: 0, leftRunning: false });
});

test('what is left behind and writes on still holds nobody up', async () => {
  const startMs = performance.now();
  const result = await runThenBusy('(timeout 5 yes) & echo first', 0);
  expect(performance.now() - startMs).toBeLessThan(3_000);
  expect(result).toMatchObject({ exitCode: 0, leftRunning: true });
});
