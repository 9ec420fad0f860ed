import { expect, test } from 'vitest';
import { createMemoryBroker } from '../../../src/broker/index.ts';
import { ManualClock } from '../../broker/support/manual-clock.ts';
import { group, startTestGateway, type TestGateway } from './support.ts';

/** Marks of a batch's groups, in order; null while there is no batch. */
async function marks(server: TestGateway): Promise<number[] | null> {
  const { body } = await server.ask('/batch');
  return body.batch?.map(({ tokens }: { tokens: number[][] }) => tokens[0]![0]) ?? null;
}

test('an environment has its minimum of each batch, and the rest goes on by turns', async () => {
  await using server = await startTestGateway();
  await server.begin(8);
  const many = await server.register('many');
  const few = await server.register('few', { min_batch_allocation: 0.25 });
  for (const mark of [1, 2, 3, 4, 5]) await server.push(group(2, mark, { env_id: many }));
  expect(await marks(server)).toBeNull();
  await server.push(group(2, 101, { env_id: few }));
  expect((await marks(server))?.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 101]);
});

test('one that is gone for a minute, or disconnects, holds no batch up', async () => {
  const clock = new ManualClock();
  const broker = createMemoryBroker({ clock });
  await using server = await startTestGateway({ broker, clock });
  await server.begin(4);
  const live = await server.register('live');
  await server.register('dead', { min_batch_allocation: 0.5 });
  for (const mark of [1, 2, 3, 4]) await server.push(group(2, mark, { env_id: live }));
  expect(await marks(server)).toBeNull();
  clock.advance(61_000);
  expect(await marks(server)).toEqual([1, 2]);
  const leaver = await server.register('leaver', { min_batch_allocation: 0.5 });
  expect(await marks(server)).toBeNull();
  await server.ask('/disconnect-env', { body: { env_id: leaver } });
  expect(await marks(server)).toEqual([3, 4]);
  await broker.close();
});

test('minimums of more than a whole batch are each less in proportion', async () => {
  await using server = await startTestGateway();
  await server.begin(8);
  const one = await server.register('one', { min_batch_allocation: 1 });
  const other = await server.register('other', { min_batch_allocation: 1 });
  const { settings } = await server.broker.getRun('atropos');
  expect(settings.shares.map(({ minShare }) => minShare)).toEqual([0.5, 0.5]);
  for (const mark of [1, 2, 3]) await server.push(group(2, mark, { env_id: one }));
  for (const mark of [11, 12]) await server.push(group(2, mark, { env_id: other }));
  expect((await marks(server))?.toSorted((a, b) => a - b)).toEqual([1, 2, 11, 12]);
});
