import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Task } from '../../src/contract/index.ts';
import {
  arraySource,
  assignSplits,
  concatTasks,
  filterTasks,
  generated,
  mapTasks,
  mixture,
  shuffleTasks,
  skipTasks,
  splitTasks,
  type TaskSource,
  takeTasks,
} from '../../src/environment/index.ts';

async function read<Data>(
  source: TaskSource<Data>,
  { from = 0, most = Number.POSITIVE_INFINITY } = {},
): Promise<Task<Data>[]> {
  const tasks: Task<Data>[] = [];
  for await (const task of source.tasks({ from })) {
    tasks.push(task);
    if (tasks.length >= most) break;
  }
  return tasks;
}

const numbers = (count: number): TaskSource<number> =>
  arraySource(Array.from({ length: count }, (_, data) => ({ key: `k${data}`, data })));

/** As a source of somebody else's that can only be read in order. */
function sequential<Data>(source: TaskSource<Data>): TaskSource<Data> {
  return {
    get count() {
      return source.count;
    },
    tasks: (options) => source.tasks(options),
    get: (key) => source.get(key),
    prepare: async (options) => source.prepare?.(options),
  };
}

/** As a source that never says how many tasks it has. */
function uncounted<Data>(source: TaskSource<Data>): TaskSource<Data> {
  return { ...sequential(source), count: undefined };
}

const dataOf = (tasks: readonly Task<number>[]): number[] => tasks.map(({ data }) => data);

type View = (source: TaskSource<number>) => TaskSource<number>;

const view: fc.Arbitrary<View> = fc.oneof(
  fc.nat(6).map(
    (most): View =>
      (source) =>
        takeTasks(source, most),
  ),
  fc.nat(6).map(
    (number): View =>
      (source) =>
        skipTasks(source, number),
  ),
  fc.nat().map(
    (seed): View =>
      (source) =>
        shuffleTasks(source, seed),
  ),
  fc.constant<View>((source) => filterTasks(source, ({ data }) => data % 3 !== 0)),
  fc.constant<View>((source) => mapTasks(source, (data) => data + 1)),
  fc.nat().map(
    (seed): View =>
      (source) =>
        splitTasks(source, { a: 0.5, b: 0.5 }, seed).a,
  ),
  fc.constant<View>((source) => concatTasks([{ source }, { source, name: 'again' }])),
  fc.nat().map(
    (seed): View =>
      (source) =>
        mixture(
          [
            { source, weight: 2 },
            { source: seed % 2 === 0 ? numbers(3) : uncounted(numbers(3)), weight: 1 },
          ],
          { seed },
        ),
  ),
  fc.constant<View>(sequential),
  fc.constant<View>((source) => concatTasks([{ source: uncounted(source) }])),
);

describe('views of task sources', () => {
  it('stacked in any way, keep keys, cursors, positions and the count in step', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(12),
        fc.array(view, { maxLength: 4 }),
        fc.nat(20),
        async (length, views, cursor) => {
          const source = views.reduce((inner, wrap) => wrap(inner), numbers(length));
          // A shuffle of what has no known end is refused, as another test says.
          try {
            await source.prepare?.();
          } catch (error) {
            expect(error).toMatchObject({ reason: 'ENDLESS_TASKS' });
            return;
          }
          const all = await read(source);
          expect(await read(source)).toEqual(all);
          expect(await read(source, { from: cursor })).toEqual(all.slice(cursor));
          expect(new Set(all.map(({ key }) => key)).size).toBe(all.length);
          for (const [position, task] of all.entries()) {
            expect(await source.get(task.key)).toEqual(task);
            if (source.at !== undefined) expect(await source.at(position)).toEqual(task);
          }
          expect(await source.at?.(all.length)).toBeUndefined();
          expect(await source.get('nobody')).toBeUndefined();
          if (source.count !== undefined) expect(source.count).toBe(all.length);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('a task outside of a view is not found through it', async () => {
    expect(await takeTasks(numbers(4), 2).get('k2')).toBeUndefined();
    expect(await skipTasks(numbers(4), 2).get('k1')).toBeUndefined();
    expect(await filterTasks(numbers(4), ({ data }) => data > 1).get('k0')).toBeUndefined();
    expect(await takeTasks(numbers(4), 0).get('k0')).toBeUndefined();
  });

  it('end an endless source, and read no more of it than they need', async () => {
    let made = 0;
    const endless = generated((index) => {
      made += 1;
      return index;
    });
    const head = takeTasks(
      mapTasks(endless, (data) => data * 10),
      3,
    );
    expect(head.count).toBeUndefined();
    await head.prepare?.();
    expect(head.count).toBe(3);
    expect(dataOf(await read(head))).toEqual([0, 10, 20]);
    expect(made).toBe(3);
    const even = filterTasks(endless, ({ data }) => data % 2 === 0);
    await even.prepare?.();
    expect(even.count).toBeUndefined();
    expect(dataOf(await read(even, { from: 5, most: 2 }))).toEqual([10, 12]);
    expect((await even.at?.(7))?.data).toBe(14);
  });

  it('takes an array of tasks for a source', async () => {
    expect(await read(skipTasks([{ data: 'a' }, { data: 'b' }], 1))).toEqual([
      { key: '1', split: '', data: 'b' },
    ]);
  });

  it('refuse sizes that are none', () => {
    expect(() => takeTasks(numbers(1), -1)).toThrow('takeTasks.most: is -1');
    expect(() => skipTasks(numbers(1), 0.5)).toThrow('skipTasks.number: is 0.5');
  });

  it('stop at their signal', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    for (const source of [
      filterTasks(numbers(3), () => true),
      shuffleTasks(numbers(3), 1),
      concatTasks([{ source: numbers(3) }]),
      mixture([{ source: numbers(3), weight: 1 }]),
    ]) {
      await expect(source.tasks({ signal })[Symbol.asyncIterator]().next()).rejects.toThrow(
        'enough',
      );
    }
  });
});

describe('shuffleTasks', () => {
  it('has every task once, in an order of the seed', async () => {
    const first = dataOf(await read(shuffleTasks(numbers(50), 1)));
    expect(first).toEqual(dataOf(await read(shuffleTasks(numbers(50), 1))));
    expect(first).not.toEqual(dataOf(await read(shuffleTasks(numbers(50), 2))));
    expect(first.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect(dataOf(await read(shuffleTasks(sequential(numbers(50)), 1)))).toEqual(first);
  });

  it('says what to do about an endless source', async () => {
    await expect(shuffleTasks(generated(Number), 1).prepare?.()).rejects.toMatchObject({
      kind: 'invalid_input',
      reason: 'ENDLESS_TASKS',
      remedy: expect.stringContaining('takeTasks'),
    });
  });
});

describe('splitTasks', () => {
  it('puts each task in one split, by its key alone', async () => {
    const shares = { train: 0.9, test: 0.1 };
    const { train, test } = splitTasks(numbers(2_000), shares, 7);
    const inTest = new Set((await read(test)).map(({ key }) => key));
    const inTrain = await read(train);
    expect(inTrain.length + inTest.size).toBe(2_000);
    expect(inTest.size).toBeGreaterThan(150);
    expect(inTest.size).toBeLessThan(250);
    expect(inTrain.every(({ key, split }) => split === 'train' && !inTest.has(key))).toBe(true);
    // Half as many tasks, in another order: each stays where it was.
    const fewer = splitTasks(shuffleTasks(takeTasks(numbers(2_000), 1_000), 3), shares, 7);
    expect((await read(fewer.test)).every(({ key }) => inTest.has(key))).toBe(true);
  });

  it('labels one source where all tasks are to stay together', async () => {
    const tasks = await read(assignSplits(numbers(100), { a: 0.5, b: 0.5 }));
    const { a } = splitTasks(numbers(100), { a: 0.5, b: 0.5 });
    expect(tasks.filter(({ split }) => split === 'a')).toEqual(await read(a));
    expect(tasks).toHaveLength(100);
  });

  it('refuses shares that do not add up', () => {
    expect(() => splitTasks(numbers(1), { a: 0.5, b: 0.4 })).toThrow('add up to 0.9');
    expect(() => splitTasks(numbers(1), { a: 1.5, b: -0.5 })).toThrow('splitTasks.a: is 1.5');
  });
});

describe('mixture', () => {
  it('keeps every beginning near its weights', async () => {
    const weights = fc.array(fc.double({ min: 0.1, max: 10, noNaN: true }), {
      minLength: 1,
      maxLength: 5,
    });
    await fc.assert(
      fc.asyncProperty(weights, fc.nat(), async (given, seed) => {
        const total = given.reduce((sum, weight) => sum + weight, 0);
        const mixed = mixture(
          given.map((weight) => ({ source: generated(Number), weight })),
          { seed },
        );
        const taken = given.map(() => 0);
        for (const [position, { key }] of (await read(mixed, { most: 100 })).entries()) {
          const place = Number(key.split('/')[0]);
          taken[place] = (taken[place] as number) + 1;
          for (const [i, weight] of given.entries()) {
            const share = ((position + 1) * weight) / total;
            expect(Math.abs((taken[i] as number) - share)).toBeLessThan(given.length + 1e-6);
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  it('gives every task once when its sources have ends, and leaves turns to those that go on', async () => {
    const mixed = mixture([
      { source: numbers(2), weight: 1, name: 'few' },
      { source: numbers(7), weight: 1, name: 'many' },
    ]);
    const keys = (await read(mixed)).map(({ key }) => key);
    expect(mixed.count).toBe(9);
    expect(new Set(keys).size).toBe(9);
    expect(keys.slice(-4)).toEqual(['many/k3', 'many/k4', 'many/k5', 'many/k6']);
  });

  it('repeats its sources when asked, also from a cursor', async () => {
    const mixed = mixture(
      [
        { source: numbers(2), weight: 3 },
        { source: numbers(3), weight: 1 },
      ],
      { repeat: true, seed: 5 },
    );
    expect(mixed.count).toBeUndefined();
    const all = await read(mixed, { most: 40 });
    expect(await read(mixed, { from: 17, most: 23 })).toEqual(all.slice(17));
    expect(all.filter(({ key }) => key.startsWith('0/'))).toHaveLength(30);
  });

  it('refuses weights and names that can not be', () => {
    const source = numbers(1);
    expect(() => mixture([{ source, weight: 0 }])).toThrow('mixture[0].weight: is 0');
    expect(() => mixture([])).toThrow('has no sources');
    expect(() =>
      concatTasks([
        { source, name: 'a' },
        { source, name: 'a' },
      ]),
    ).toThrow('`a`');
    expect(() => concatTasks([{ source, name: 'a/b' }])).toThrow('holds a `/`');
  });
});
