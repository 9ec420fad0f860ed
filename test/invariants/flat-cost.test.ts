import { describe, expect, test } from 'vitest';
import type { BatchSize, EnvironmentShare, SubmittedGroup } from '../../src/broker/index.ts';
import { MetricsRegistry } from '../../src/telemetry/index.ts';
import { openFixture } from '../broker/support/fixture.ts';
import { group } from '../broker/support/groups.ts';
import { share } from '../broker/support/lanes.ts';

const VISITED = {
  name: 'lachesis_broker_groups_visited_total',
  help: 'Waiting groups that cuts looked at.',
};
const CUTS = 3;

/** Groups looked at by each of the first cuts, with so many groups waiting before. */
async function visitsPerCut(
  batchSize: BatchSize,
  depth: number,
  rowsOf: (index: number) => number,
  versionOf: (index: number) => number,
  shares: readonly EnvironmentShare[] = [],
): Promise<readonly number[]> {
  const metrics = new MetricsRegistry();
  const limits = { maxWaitingGroups: depth, maxWaitingBytes: Number.MAX_SAFE_INTEGER };
  const { broker, take, ack } = await openFixture({ batchSize, shares }, { metrics, limits });
  const shapes = new Map<number, SubmittedGroup>();
  for (let index = 0; index < depth; index += 1) {
    const rows = rowsOf(index);
    const shape = shapes.get(rows) ?? group('shape', rows);
    shapes.set(rows, shape);
    const environment = ['a', 'b', 'c'][index % 3]!;
    const fields = { id: `g${index}`, environment, oldestPolicyVersion: versionOf(index) };
    await broker.submit({ ...shape, ...fields });
  }
  const visited = metrics.counter(VISITED);
  const visits: number[] = [];
  for (let cut = 0; cut < CUTS; cut += 1) {
    const before = visited.value();
    await ack(await take());
    visits.push(visited.value() - before);
  }
  expect((await broker.status('run')).acceptedGroups).toBe(depth);
  await broker.close();
  return visits;
}

describe('a cut looks at as many groups with 100 waiting as with 100,000', () => {
  const cycle =
    (...values: number[]) =>
    (index: number) =>
      values[index % values.length]!;
  test.each<{
    name: string;
    batchSize: BatchSize;
    rows: (index: number) => number;
    versions: (index: number) => number;
    most: number;
    shares?: readonly EnvironmentShare[];
  }>([
    {
      name: 'rows, all of one size',
      batchSize: { kind: 'rows', rows: 16 },
      rows: cycle(4),
      versions: cycle(0),
      most: 4,
    },
    {
      name: 'rows, sizes that must be searched',
      batchSize: { kind: 'rows', rows: 16 },
      rows: cycle(5, 3, 7, 4),
      versions: cycle(0),
      most: 30,
    },
    {
      name: 'rows, a head that never fits',
      batchSize: { kind: 'rows', rows: 16 },
      rows: (index) => (index === 0 ? 15 : 4),
      versions: cycle(0),
      most: 10,
    },
    {
      name: 'rows, many policy versions',
      batchSize: { kind: 'rows', rows: 16 },
      rows: cycle(5, 3, 7, 4),
      versions: (index) => index,
      most: 30,
    },
    {
      name: 'tokens',
      batchSize: { kind: 'tokens', tokens: 150 },
      rows: cycle(4, 3),
      versions: cycle(0, 1),
      most: 5,
    },
    {
      name: 'rows, shares with a minimum',
      batchSize: { kind: 'rows', rows: 16 },
      rows: cycle(5, 3, 7, 4),
      versions: cycle(0, 1),
      most: 40,
      shares: [share('a', 5, { minShare: 0.4 }), share('b', 1, { minShare: 0.2 })],
    },
    {
      name: 'groups, shares with a minimum',
      batchSize: { kind: 'groups', groups: 6 },
      rows: cycle(4, 3),
      versions: cycle(0, 1),
      most: 9,
      shares: [share('a', 5), share('b', 1, { minShare: 0.2 })],
    },
    {
      name: 'groups',
      batchSize: { kind: 'groups', groups: 6 },
      rows: cycle(4, 3),
      versions: cycle(0, 1),
      most: 7,
    },
  ])(
    '$name',
    async ({ batchSize, rows, versions, most, shares }) => {
      const shallow = await visitsPerCut(batchSize, 100, rows, versions, shares);
      const deep = await visitsPerCut(batchSize, 100_000, rows, versions, shares);
      expect(deep).toEqual(shallow);
      expect(Math.max(...deep)).toBeLessThanOrEqual(most);
    },
    60_000,
  );
});
