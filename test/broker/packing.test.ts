import { describe, expect, test } from 'vitest';
import { idsOf, openFixture } from './support/fixture.ts';
import { group } from './support/groups.ts';

describe('batches by tokens', () => {
  test('hold as many whole groups from the front as fit, cut once the next one does not', async () => {
    const { broker, take, next, ack } = await openFixture({
      batchSize: { kind: 'tokens', tokens: 100 },
    });
    await broker.submit(group('a', [30, 30]));
    await broker.submit(group('b', [30]));
    expect((await next()).kind).toBe('none');
    await broker.submit(group('c', [40]));
    const first = await take();
    expect(idsOf(first)).toEqual(['a', 'b']);
    await ack(first);
    expect((await next()).kind).toBe('none');
    await broker.submit(group('d', [60]));
    expect(idsOf(await take())).toEqual(['c', 'd']);
  });

  test('refuse a group that no batch can hold', async () => {
    const { broker } = await openFixture({ batchSize: { kind: 'tokens', tokens: 100 } });
    await expect(broker.submit(group('a', [60, 41]))).rejects.toMatchObject({
      kind: 'failed_precondition',
      reason: 'GROUP_LARGER_THAN_BATCH',
      metadata: { weight: '101', limit: '100', unit: 'tokens' },
    });
  });
});

test('batches by groups hold exactly so many, whatever their rows', async () => {
  const { broker, take } = await openFixture({ batchSize: { kind: 'groups', groups: 3 } });
  for (const [id, rows] of [
    ['a', 7],
    ['b', 1],
    ['c', 30],
    ['d', 1],
  ] as const) {
    await broker.submit(group(id, rows));
  }
  const batch = await take();
  expect(idsOf(batch)).toEqual(['a', 'b', 'c']);
  expect(batch.rows).toHaveLength(38);
});

describe('batches by rows', () => {
  test('refuse a group with more rows than a batch, and say so', async () => {
    const { broker } = await openFixture();
    const refused = broker.submit(group('a', 5));
    await expect(refused).rejects.toMatchObject({ reason: 'GROUP_LARGER_THAN_BATCH' });
    await expect(refused).rejects.toThrow(/5 rows.*holds 4.*never split/);
    expect((await broker.status('run')).acceptedGroups).toBe(0);
  });

  test('a group of an odd size waits without blocking the ones behind it', async () => {
    const { broker, take, ack } = await openFixture();
    for (const [id, rows] of [
      ['odd', 3],
      ['b', 2],
      ['c', 2],
    ] as const) {
      await broker.submit(group(id, rows));
    }
    const first = await take();
    expect(idsOf(first)).toEqual(['b', 'c']);
    await ack(first);
    await broker.submit(group('d', 2));
    await broker.submit(group('e', 1));
    expect(idsOf(await take())).toEqual(['odd', 'e']);
  });

  test('name the part and the rank of each row', async () => {
    const { broker, take } = await openFixture({}, { worldSize: 2 });
    await broker.submit(group('a', [50, 10]));
    await broker.submit(group('b', [30, 10]));
    expect((await take()).rows).toEqual([
      { groupIndex: 0, partIndex: 0, rank: 0 },
      { groupIndex: 0, partIndex: 1, rank: 1 },
      { groupIndex: 1, partIndex: 0, rank: 1 },
      { groupIndex: 1, partIndex: 1, rank: 1 },
    ]);
  });
});
