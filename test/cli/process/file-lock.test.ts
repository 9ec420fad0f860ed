import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { lockFile } from '../../../src/cli/process/file-lock.ts';

const temporary = (): string =>
  path.join(mkdtempSync(path.join(tmpdir(), 'lachesis-lock-')), 'rollouts.jsonl');

async function pidOfTheDead(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  return child.pid ?? 0;
}

test('one holder at a time, whichever name of the file is given', () => {
  const file = temporary();
  writeFileSync(file, '');
  const link = `${file}.link`;
  symlinkSync(file, link);
  {
    using _lock = lockFile(file);
    expect(JSON.parse(readFileSync(`${file}.lock`, 'utf8'))).toMatchObject({ pid: process.pid });
    for (const name of [file, link]) {
      expect(() => lockFile(name)).toThrow(
        new RegExp(
          `is being written by process ${process.pid} on the host .* remove .*jsonl\\.lock`,
        ),
      );
    }
  }
  expect(existsSync(`${file}.lock`)).toBe(false);
  lockFile(link)[Symbol.dispose]();
});

test('a lock whose process is gone is taken over', async () => {
  const file = temporary();
  const holder = { pid: await pidOfTheDead(), host: hostname(), started: 1 };
  writeFileSync(`${file}.lock`, JSON.stringify(holder));
  using _lock = lockFile(file);
  expect(readFileSync(`${file}.lock`, 'utf8')).toContain(`"pid":${process.pid}`);
});

test('so is one of a process that had our pid before us, as in a container that was restarted', () => {
  const file = temporary();
  writeFileSync(`${file}.lock`, JSON.stringify({ pid: process.pid, host: hostname(), started: 1 }));
  using _lock = lockFile(file);
});

test('a lock of another host stays, since nobody here knows of it', async () => {
  const file = temporary();
  const holder = { pid: await pidOfTheDead(), host: 'elsewhere', started: 1 };
  writeFileSync(`${file}.lock`, JSON.stringify(holder));
  expect(() => lockFile(file)).toThrow(/on the host elsewhere\. Wait until it has ended/);
});

test('a lock that was never written to its end is taken over when it is old', () => {
  const file = temporary();
  writeFileSync(`${file}.lock`, '');
  expect(() => lockFile(file)).toThrow('is being written by another process');
  utimesSync(`${file}.lock`, new Date(0), new Date(0));
  using _lock = lockFile(file);
});

test('a lock that was taken away is not taken from whoever has it now', () => {
  const file = temporary();
  const lock = lockFile(file);
  writeFileSync(`${file}.lock`, 'of somebody else');
  lock[Symbol.dispose]();
  expect(readFileSync(`${file}.lock`, 'utf8')).toBe('of somebody else');
});

test('a folder that can not be written to is told as such', () => {
  const file = temporary();
  writeFileSync(file, '');
  expect(() => lockFile(path.join(file, 'rollouts.jsonl'))).toThrow(/--out: can't be written: E/);
});
