import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test, vi } from 'vitest';
import { LockFile } from '../../src/files/lock-file.ts';
import { parseStat, processStat } from '../../src/files/process-stat.ts';

const place = (): string => path.join(mkdtempSync(path.join(tmpdir(), 'lachesis-lock-')), 'lock');
const take = (file: string) => LockFile.take(file, 'The folder');
const startedMs = Math.round(performance.timeOrigin);

test('a second one is told who holds it and what to do, until it is given back', async () => {
  const file = place();
  {
    using _lock = await take(file);
    await expect(take(file)).rejects.toMatchObject({
      kind: 'failed_precondition',
      reason: 'LOCKED',
      message: `The folder is in use by process ${process.pid} of the machine ${hostname()}. Give each its own path, or end that process first; if it has ended already, remove ${file}.`,
    });
  }
  expect(existsSync(file)).toBe(false);
  using _again = await take(file);
});

test.each([
  ['of a process that is gone', { pid: spawnSync('true').pid, host: hostname(), startedMs: 1 }],
  ['of an earlier process with our number', { pid: process.pid, host: hostname(), startedMs: 1 }],
  ['that was not written to its end', ''],
  ['that says nothing', { pid: 'x' }],
])('one %s is taken over, by one of many', async (_, holder) => {
  const file = place();
  writeFileSync(file, typeof holder === 'string' ? holder : JSON.stringify(holder));
  const takers = await Promise.allSettled(Array.from({ length: 5 }, () => take(file)));
  const won = takers.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  expect(won).toHaveLength(1);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ pid: process.pid, startedMs });
  won[0]?.[Symbol.dispose]();
  expect(readdirSync(path.dirname(file))).toEqual([]);
});

test.each([
  ['another machine', { pid: 1, host: `not-${hostname()}`, startedMs }],
  ['a process that lives', { pid: process.ppid, host: hostname(), startedMs: 1 }],
])('one of %s is left alone', async (_, holder) => {
  const file = place();
  writeFileSync(file, JSON.stringify(holder));
  await expect(take(file)).rejects.toThrow(`in use by process ${holder.pid} of the machine`);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(holder);
});

const onLinux = test.runIf(process.platform === 'linux');

onLinux(
  'one of a process that has ended is taken over, also before its parent has asked',
  async () => {
    // The shell becomes sleep, which never asks for its child's code.
    const parent = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 60']);
    try {
      const [line] = await once(parent.stdout, 'data');
      const pid = Number(String(line));
      await vi.waitFor(() => expect(processStat(pid)?.isZombie).toBe(true), 5_000);
      const file = place();
      writeFileSync(file, JSON.stringify({ pid, host: hostname(), startedMs }));
      using _lock = await take(file);
    } finally {
      parent.kill('SIGKILL');
    }
  },
);

onLinux('one of a process whose number another has now is taken over', async () => {
  const file = place();
  const { startTicks } = processStat(process.ppid)!;
  const holder = { pid: process.ppid, host: hostname(), startedMs, startTicks };
  writeFileSync(file, JSON.stringify(holder));
  await expect(take(file)).rejects.toMatchObject({ reason: 'LOCKED' });
  writeFileSync(file, JSON.stringify({ ...holder, startTicks: startTicks - 1 }));
  using _lock = await take(file);
});

test('a process may have any name', () => {
  const fields = ['Z', ...Array.from({ length: 30 }, (_, at) => at)].join(' ');
  expect(parseStat(`12 (a) b) ${fields}`)).toEqual({ isZombie: true, startTicks: 18 });
  expect(parseStat('12 (cut')).toBeUndefined();
});

test.each<[string, (file: string) => void]>([
  ['is a folder', (file) => mkdirSync(file)],
  ['is no file', (file) => symlinkSync('nowhere', file)],
])('what stands in the place of one and %s is said', async (problem, make) => {
  const file = place();
  make(file);
  await expect(take(file)).rejects.toMatchObject({
    kind: 'failed_precondition',
    message: `${file} stands where a lock file belongs, and ${problem}. Move it away.`,
  });
});

test('one that another has taken meanwhile is not removed with it', async () => {
  const file = place();
  const lock = await take(file);
  writeFileSync(file, 'another');
  lock[Symbol.dispose]();
  expect(readFileSync(file, 'utf8')).toBe('another');
});
