import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, test } from 'vitest';
import { stopSignal } from '../../src/cli/stop-signal.ts';

class FakeProcess extends EventEmitter {
  readonly exits: number[] = [];
  exit(code: number): void {
    this.exits.push(code);
  }
}

describe('a process that is told to stop', () => {
  test('takes one Ctrl-C that arrives by several ways for one', () => {
    const process = new FakeProcess();
    let nowMs = 0;
    const signal = stopSignal(process, () => nowMs);
    for (const at of [0, 2, 900]) {
      nowMs = at;
      process.emit('SIGINT');
    }
    expect(signal.aborted).toBe(true);
    expect(process.exits).toEqual([]);
  });

  test('ends at once at a second one', () => {
    const process = new FakeProcess();
    let nowMs = 0;
    stopSignal(process, () => nowMs);
    process.emit('SIGINT');
    nowMs = 1_500;
    process.emit('SIGINT');
    expect(process.exits).toEqual([130]);
  });

  test('stops when its terminal closes, and when its parent is gone', () => {
    for (const event of ['SIGHUP', 'SIGTERM', 'disconnect']) {
      const process = new FakeProcess();
      const signal = stopSignal(process);
      process.emit(event);
      expect(signal.aborted).toBe(true);
    }
  });
});

describe('the program in a checkout', () => {
  test.each(['SIGINT twice', 'SIGKILL'])(
    'stops cleanly when its launcher gets %s',
    async (how) => {
      const runtime = await mkdtemp(path.join(tmpdir(), 'lachesis-stop-'));
      const root = path.resolve(import.meta.dirname, '../..');
      const launcher = spawn(process.execPath, ['scripts/run.mjs', 'src/cli/run.ts', 'policy'], {
        cwd: root,
        env: { ...process.env, XDG_RUNTIME_DIR: runtime },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      try {
        const lines = createInterface({ input: launcher.stdout });
        await once(lines, 'line');
        const tokens = path.join(runtime, 'lachesis');
        expect(await readdir(tokens)).toHaveLength(1);
        // The pipe ends when the last process that holds it has ended.
        const ended = once(launcher.stdout, 'end');
        launcher.stdout.resume();
        if (how === 'SIGKILL') launcher.kill('SIGKILL');
        else for (let i = 0; i < 2; i += 1) launcher.kill('SIGINT');
        await ended;
        expect(await readdir(tokens)).toEqual([]);
      } finally {
        launcher.kill('SIGKILL');
        await rm(runtime, { recursive: true, force: true });
      }
    },
    20_000,
  );
});
