import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Task } from '../../src/contract/index.ts';
import { parquet, shuffleTasks, type TaskSource } from '../../src/environment/index.ts';

// Written by pyarrow 26.0.1: ten rows in row groups of 4, 4 and 2.
const fixture = (codec: string): string =>
  join(import.meta.dirname, 'fixtures', `tasks.${codec}.parquet`);

async function read<Data>(source: TaskSource<Data>, from = 0): Promise<Task<Data>[]> {
  const tasks: Task<Data>[] = [];
  for await (const task of source.tasks({ from })) tasks.push(task);
  return tasks;
}

describe('parquet', () => {
  it.each(['snappy', 'zstd'])('reads rows as JSON from a %s file', async (codec) => {
    const source = parquet(fixture(codec));
    await source.prepare();
    expect(source.count).toBe(10);
    const tasks = await read(source);
    expect(tasks).toHaveLength(10);
    expect(tasks[9]).toEqual({
      key: '9',
      split: '',
      data: {
        id: 'q9',
        part: 'test',
        question: 'Wie groß ist π?',
        answer: 18,
        // Above 2^53: exact as text.
        big: String(2n ** 60n + 9n),
        tags: [],
        meta: { level: 0, note: null },
        seen: '2026-01-10T00:00:00.000Z',
      },
    });
    expect(JSON.parse(JSON.stringify(tasks))).toEqual(tasks);
  });

  it('takes key, split and data from columns', async () => {
    const source = parquet(fixture('snappy'), {
      key: 'id',
      split: { field: 'part' },
      columns: ['id', 'part', 'answer'],
      map: (row) => (row as { answer: number }).answer,
    });
    await source.prepare();
    const tasks = await read(source);
    expect(tasks[8]).toEqual({ key: 'q8', split: 'test', data: 16 });
    expect(await source.get('q5')).toEqual({ key: 'q5', split: 'train', data: 10 });
    expect(await source.get('5')).toBeUndefined();
  });

  it('starts anywhere, within and between row groups', async () => {
    const source = parquet(fixture('gzip'), { key: 'id' });
    const all = await read(source);
    for (let from = 0; from <= 11; from++) {
      expect(await read(source, from)).toEqual(all.slice(from));
      expect(await source.at(from)).toEqual(all[from]);
    }
    const shuffled = await read(shuffleTasks(source, 1));
    expect(shuffled.map(({ key }) => key).toSorted()).toEqual(all.map(({ key }) => key));
  });

  it('holds no more row groups than it may, and reads the same', async () => {
    const narrow = parquet(fixture('zstd'), { key: 'id', maxHeldBytes: 1 });
    const wide = parquet(fixture('zstd'), { key: 'id' });
    expect(await read(shuffleTasks(narrow, 2))).toEqual(await read(shuffleTasks(wide, 2)));
  });

  it('lets no map function change what is held', async () => {
    const source = parquet(fixture('snappy'), {
      map: (row) => {
        (row as { answer: number }).answer = -1;
        return row;
      },
    });
    await expect(source.prepare()).rejects.toThrow("row 0 can't be read by the map function");
  });

  it('names the file and the row of what is wrong, when it is hosted', async () => {
    const path = fixture('gzip');
    const missing = parquet(path, { key: 'name' }).prepare();
    await expect(missing).rejects.toMatchObject({
      kind: 'invalid_input',
      reason: 'TASK_FILE_ROW',
      field: `${path}[0]`,
    });
    await expect(parquet(path, { key: () => 'same' }).prepare()).rejects.toThrow(
      'row 1 has the key `same` of row 0',
    );
    const thrower = parquet(path, {
      map: (_, position) => {
        if (position === 6) throw new Error('no');
        return position;
      },
    });
    await expect(thrower.prepare()).rejects.toThrow("row 6 can't be read by the map function: no");
  });

  it('tells a missing file from one that is no Parquet', async () => {
    await expect(parquet('/nowhere/a.parquet').prepare()).rejects.toMatchObject({
      reason: 'TASK_FILE_UNREADABLE',
    });
    const path = join(tmpdir(), `lachesis-no-parquet-${process.pid}`);
    await writeFile(path, '{"q":1}\n'.repeat(20));
    await expect(parquet(path).prepare()).rejects.toMatchObject({
      kind: 'invalid_input',
      reason: 'TASK_FILE_FORMAT',
    });
  });
});
