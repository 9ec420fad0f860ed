import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openFilesStore, removeStore } from '../../../src/broker/index.ts';

let parent: string;
let folder: string;
beforeEach(async () => {
  parent = await mkdtemp(path.join(tmpdir(), 'remove-store-'));
  folder = path.join(parent, 'store');
});
afterEach(() => rm(parent, { recursive: true }));

test('a store is removed whole, with what a removal that was cut off had left', async () => {
  await (await openFilesStore(folder)).close();
  await mkdir(`${folder}.removed`);
  await removeStore(folder);
  expect(await readdir(parent)).toEqual([]);
  await removeStore(folder);
  await (await openFilesStore(folder)).close();
});

test('one that somebody has is left as it is', async () => {
  const store = await openFilesStore(folder);
  await expect(removeStore(folder)).rejects.toMatchObject({ reason: 'LOCKED' });
  expect(await readdir(folder)).toContain('store.json');
  await store.close();
});

test('a folder that holds something else is left as it is', async () => {
  await mkdir(folder);
  await writeFile(path.join(folder, 'thesis.txt'), 'years of work');
  await expect(removeStore(folder)).rejects.toThrow(/thesis\.txt.*no store/);
  expect(await readdir(folder)).toEqual(['thesis.txt']);
});
