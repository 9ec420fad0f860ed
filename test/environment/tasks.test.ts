import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Task } from '../../src/contract/index.ts';
import { arraySource, generated, jsonl, type TaskSource } from '../../src/environment/index.ts';

let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lachesis-tasks-'));
});
afterAll(() => rm(directory, { recursive: true }));

async function file(name: string, text: string): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, text);
  return path;
}

async function take<Data>(source: TaskSource<Data>, most: number, from = 0): Promise<Task<Data>[]> {
  const tasks: Task<Data>[] = [];
  for await (const task of source.tasks({ from })) {
    tasks.push(task);
    if (tasks.length === most) break;
  }
  return tasks;
}

describe('jsonl', () => {
  it('reads one task per line, blank lines skipped, with the position as key', async () => {
    const source = jsonl(await file('a.jsonl', '{"q":1}\n\n{"q":"ü"}\r\n[3]'));
    expect(source.count).toBeUndefined();
    await source.prepare();
    expect(source.count).toBe(3);
    const tasks = await take(source, 9);
    expect(tasks).toEqual([
      { key: '0', split: '', data: { q: 1 } },
      { key: '1', split: '', data: { q: 'ü' } },
      { key: '2', split: '', data: [3] },
    ]);
    expect(await take(source, 9, 2)).toEqual(tasks.slice(2));
    for (const task of tasks) expect(await source.get(task.key)).toEqual(task);
    expect(await source.get('3')).toBeUndefined();
  });

  it('takes key, split and data from a line', async () => {
    const path = await file(
      'b.jsonl',
      '{"id":7,"part":"test","text":"x"}\n{"id":"b","part":"train","text":"y"}\n',
    );
    const source = jsonl(path, {
      key: 'id',
      split: { field: 'part' },
      map: (value) => (value as { text: string }).text,
    });
    expect(await take(source, 9)).toEqual([
      { key: '7', split: 'test', data: 'x' },
      { key: 'b', split: 'train', data: 'y' },
    ]);
    expect((await source.get('b'))?.data).toBe('y');
  });

  it('names file and line of what it can not read', async () => {
    const broken = await file('c.jsonl', '{"q":1}\n\n{"q":\n');
    await expect(jsonl(broken).prepare()).rejects.toThrow(`${broken}:3 is no JSON`);
    const twice = await file('d.jsonl', '{"k":"a"}\n{"k":"a"}\n');
    await expect(jsonl(twice, { key: 'k' }).prepare()).rejects.toThrow(
      `${twice}:2 has the key \`a\` of line 1`,
    );
    await expect(jsonl(twice, { key: 'other' }).prepare()).rejects.toThrow(
      `${twice}:1 has no text`,
    );
    const mapped = jsonl(twice, {
      map: () => {
        throw new Error('cannot');
      },
    });
    await expect(take(mapped, 1)).rejects.toThrow(`${twice}:1 can't be read by the map function`);
    await expect(jsonl(join(directory, 'none.jsonl')).prepare()).rejects.toMatchObject({
      kind: 'invalid_input',
      reason: 'TASK_FILE_UNREADABLE',
    });
  });

  it('reads lines that cross the chunks of a stream, at their right offsets', async () => {
    const rows = Array.from({ length: 400 }, (_, i) =>
      JSON.stringify({ i, pad: 'é'.repeat(i * 7) }),
    );
    const source = jsonl<{ i: number; pad: string }>(await file('e.jsonl', rows.join('\n')));
    expect((await take(source, 1000)).map(({ data }) => data.i)).toEqual(rows.map((_, i) => i));
    for (const i of [0, 199, 398, 399]) {
      expect((await source.get(String(i)))?.data).toEqual(JSON.parse(rows[i] as string));
    }
  });
});

describe('generated', () => {
  it('makes the same task again, alone and in any order', async () => {
    const source = generated((index, random) => ({ index, draw: random() }), { seed: 3 });
    const tasks = await take(source, 5, 10);
    expect(tasks.map(({ key }) => key)).toEqual(['10', '11', '12', '13', '14']);
    for (const task of tasks) expect(await source.get(task.key)).toEqual(task);
    expect(new Set(tasks.map(({ data }) => data.draw)).size).toBe(5);
    expect(source.count).toBeUndefined();
    expect(await source.get('01')).toBeUndefined();
    expect(await source.get('x')).toBeUndefined();
  });

  it('ends where it is told to', async () => {
    const source = generated((index) => index, { count: 2 });
    expect((await take(source, 9)).map(({ data }) => data)).toEqual([0, 1]);
    expect(await source.get('2')).toBeUndefined();
  });
});

describe('arraySource', () => {
  it('keeps keys and splits that are given', async () => {
    const source = arraySource([{ data: 1 }, { key: 'b', split: 'test', data: 2 }]);
    expect(await take(source, 9)).toEqual([
      { key: '0', split: '', data: 1 },
      { key: 'b', split: 'test', data: 2 },
    ]);
    expect(await source.get('b')).toMatchObject({ data: 2 });
  });
});
