import { existsSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { lockOutput } from '../../src/cli/output-lock.ts';

const temporary = (): string =>
  path.join(mkdtempSync(path.join(tmpdir(), 'lachesis-lock-')), 'rollouts.jsonl');
const take = (file: string) => lockOutput(file, '--out');

test('one holder at a time, whichever name of the file is given', async () => {
  const file = temporary();
  writeFileSync(file, '');
  const link = `${file}.link`;
  symlinkSync(file, link);
  {
    using _lock = await take(file);
    for (const name of [file, link]) {
      const who = new RegExp(`in use by process ${process.pid} .* remove .*jsonl\\.lock`);
      await expect(take(name)).rejects.toThrow(who);
    }
  }
  expect(existsSync(`${file}.lock`)).toBe(false);
  (await take(link))[Symbol.dispose]();
});

test('a file that is yet to be made, in a folder that is too', async () => {
  const file = path.join(path.dirname(temporary()), 'new', 'rollouts.jsonl');
  using _lock = await take(file);
  expect(existsSync(`${file}.lock`)).toBe(true);
});

test('a folder that can not be written to is told as such', async () => {
  const file = temporary();
  writeFileSync(file, '');
  await expect(take(path.join(file, 'rollouts.jsonl'))).rejects.toThrow(
    /--out: can't be written: E/,
  );
});
