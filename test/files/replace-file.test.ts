import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { replaceFile } from '../../src/files/index.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'replace-file-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('the parts are there one after the other, over what a killed writer left', async () => {
  const file = path.join(folder, 'a');
  await writeFile(`${file}.new`, 'half of something longer than that');
  await replaceFile(file, [Buffer.from('one '), Buffer.from('two')]);
  await replaceFile(file, [Buffer.from('three')]);
  expect(await readFile(file, 'utf8')).toBe('three');
  expect(await readdir(folder)).toEqual(['a']);
});

test('where it fails, the old file is as it was', async () => {
  const file = path.join(folder, 'a');
  await replaceFile(file, [Buffer.from('old')]);
  await expect(replaceFile(file, [{ length: 3 } as unknown as Uint8Array])).rejects.toThrow();
  expect(await readFile(file, 'utf8')).toBe('old');
  expect(await readdir(folder)).toEqual(['a']);
});
