import { cpSync, existsSync, mkdtempSync, readFileSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { openFilesStore } from '../../src/broker/index.ts';
import { cli } from '../cli/support.ts';

const { signal } = new AbortController();
const page = readFileSync(path.resolve(import.meta.dirname, '../../docs/store.md'), 'utf8');

test('the commands of docs/store.md do what they say, in their order', async () => {
  const folder = path.join(mkdtempSync(path.join(tmpdir(), 'lachesis-docs-')), 'store');
  const store = await openFilesStore(folder);
  const [ref] = await store.append([{ label: 'g', chunks: [new Uint8Array(100)] }], { signal });
  store.commit({ put: [{ key: 'g', value: new Uint8Array(1) }], cites: [ref!] });
  await store.close();
  const commands = [...page.matchAll(/^ {4}(\S.*)$/gm)].map(([, command = '']) => command);
  const said: string[] = [];
  for (const command of commands) {
    const placed = (word: string): string => word.replace(/^store(?=[/-]|$)/, folder);
    const words = command.split(' ');
    const [program, , , what = '', which = ''] = words;
    if (program === 'mv') {
      renameSync(placed(words[1]!), placed(words[2]!));
      continue;
    }
    if (program === 'cp') {
      cpSync(placed(words[2]!), placed(words[3]!), { recursive: true });
      continue;
    }
    const run = cli('store', what, placed(which));
    expect(await run.code, run.err()).toBe(0);
    said.push(`${what}: ${run.out()}`);
  }
  expect(said.map((text) => text.split(':')[0])).toEqual([
    ...['fsck', 'stats', 'fsck', 'gc', 'reindex'],
  ]);
  expect(said.at(-1)).toContain('index.db has 1 records and 1 payloads again, of 1 commits');
});

test('the files of a store are those that docs/store.md names', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'lachesis-docs-'));
  const store = await openFilesStore(folder);
  const names = [...page.matchAll(/^\| `([\w.]+)`/gm)].map(([, name = '']) => name);
  expect(names).toHaveLength(5);
  expect(names.filter((name) => !existsSync(path.join(folder, name)))).toEqual([]);
  await store.close();
});
