import { expect, test } from 'vitest';
import { createMemoryBroker } from '../../../src/broker/index.ts';
import { group, startTestGateway } from './support.ts';

/** A broker's clock that a test moves by hand. */
function handClock() {
  let nowMs = 1_700_000_000_000;
  return {
    nowMs: () => nowMs,
    after: () => ({ [Symbol.dispose]: () => {} }),
    advance: (ms: number) => {
      nowMs += ms;
    },
  };
}

test('weights are shares of context times weight, never below 0.01', async () => {
  await using server = await startTestGateway();
  await server.begin(4);
  const weightOf = async (id: number) =>
    (await server.ask(`/status-env?env_id=${id}`)).body.env_weight;
  const ignored = await server.register('ignored', { weight: -1 });
  expect(await weightOf(ignored)).toBe(1);
  const short = await server.register('short', { max_token_length: 2_000 });
  const long = await server.register('long', { max_token_length: 16_000 });
  expect(await weightOf(short)).toBeCloseTo(1 / 9);
  expect(await weightOf(long)).toBeCloseTo(8 / 9);
  expect(await weightOf(ignored)).toBe(0.01);
  await server.ask('/disconnect-env', { body: { env_id: long } });
  expect(await weightOf(short)).toBe(1);
});

test('queue sizes count the own groups and what others have beyond their minimum', async () => {
  await using server = await startTestGateway();
  await server.begin(8);
  const a = await server.register('a', { group_size: 2 });
  const b = await server.register('b', { group_size: 4, min_batch_allocation: 0.5 });
  for (const id of [a, a, a]) await server.push(group(2, 1, { env_id: id }));
  for (const id of [b, b]) await server.push(group(4, 2, { env_id: id }));
  const statusOf = async (id: number) => (await server.ask(`/status-env?env_id=${id}`)).body;
  expect(await statusOf(a)).toMatchObject({
    queue_size: (6 + 8 - 4) / 2,
    self_queue_size: 3,
    max_group_size: 4,
    unallocated_fraction: 0.5,
  });
  expect(await statusOf(b)).toMatchObject({ queue_size: (8 + 8) / 4, self_queue_size: 2 });
  await server.ask('/batch');
  // The oldest that make 8: two groups of a and one of b.
  expect(await statusOf(a)).toMatchObject({ current_step: 1, self_queue_size: 1 });
});

test("others' groups of one sequence count too", async () => {
  await using server = await startTestGateway();
  await server.begin(4);
  const a = await server.register('a', { group_size: 1 });
  const b = await server.register('b', { group_size: 1 });
  for (let i = 0; i < 3; i++) await server.push(group(1, i, { env_id: b }));
  expect((await server.ask(`/status-env?env_id=${a}`)).body).toMatchObject({
    queue_size: 3,
    self_queue_size: 0,
  });
});

test('groups that others took from the run wait no longer', async () => {
  await using server = await startTestGateway();
  await server.begin(2);
  const env = await server.register();
  for (const mark of [1, 2, 3]) await server.push(group(2, mark, { env_id: env }));
  const { broker } = server;
  const key = { runId: 'atropos', consumerId: 'grpc', rank: 0 };
  await broker.registerConsumer({ ...key, worldSize: 1, mode: 'compete' });
  const next = await broker.nextBatch({ ...key, waitMs: 0, signal: new AbortController().signal });
  expect(next.kind).toBe('batch');
  expect((await server.ask(`/status-env?env_id=${env}`)).body.self_queue_size).toBe(2);
});

test('an environment that fell silent gives its share and its weight back', async () => {
  const clock = handClock();
  const broker = createMemoryBroker({ clock });
  await using server = await startTestGateway({ broker, clock });
  await server.begin(4);
  const dead = await server.register('dead', { min_batch_allocation: 0.75 });
  const live = await server.register('live');
  const statusOf = async (id: number) => (await server.ask(`/status-env?env_id=${id}`)).body;
  expect(await statusOf(live)).toMatchObject({ unallocated_fraction: 0.25, env_weight: 0.5 });
  clock.advance(20_000);
  await statusOf(live);
  clock.advance(11_000);
  expect(await statusOf(live)).toMatchObject({ unallocated_fraction: 1, env_weight: 1 });
  await statusOf(dead);
  expect(await statusOf(live)).toMatchObject({ unallocated_fraction: 0.25, env_weight: 0.5 });
  await broker.close();
});

test('an id that is not known is taken in, and is never given to another', async () => {
  const clock = handClock();
  const broker = createMemoryBroker({ clock });
  {
    await using before = await startTestGateway({ broker, clock });
    await before.begin(4);
    expect(await before.register()).toBe(0);
  }
  await using after = await startTestGateway({ broker, clock });
  const newcomer = await after.register('newcomer');
  expect(newcomer).toBeGreaterThan(1_000);
  const known = await after.ask('/status-env', { method: 'GET', body: { env_id: 0 } });
  // Nobody has said its context: it counts as the others do.
  expect([known.status, known.body.env_weight]).toEqual([200, 0.5]);
  expect((await after.push(group(2, 1, { env_id: 0 }))).body).toEqual({ status: 'received' });
  expect((await after.ask('/status-env?env_id=0')).body.self_queue_size).toBe(1);
  await broker.close();
});

test('a queue left by a server before this one does not stop who waits for its batch to fill', async () => {
  const broker = createMemoryBroker();
  {
    await using before = await startTestGateway({ broker });
    await before.begin(16);
    for (let i = 0; i < 3; i++) await before.push(group(4, i, { env_id: 0 }));
  }
  await using after = await startTestGateway({ broker });
  // An SDK of groups of 4 stops at queue_size * 4 >= 3 * 16.
  const { queue_size } = (await after.ask('/status-env?env_id=0')).body;
  expect(queue_size * 4).toBeLessThan(48);
  await broker.close();
});

test('environments are bounded; the one that is silent for longest makes room', async () => {
  const clock = handClock();
  await using server = await startTestGateway({ clock, limits: { maxEnvironments: 2 } });
  await server.begin(4);
  expect(await server.register('a')).toBe(0);
  expect(await server.register('b')).toBe(1);
  expect(await server.register('c')).toBeUndefined();
  const refused = await server.ask('/status-env?env_id=9');
  expect([refused.status, refused.body.env_weight]).toEqual([200, 1]);
  clock.advance(31_000);
  await server.ask('/status-env?env_id=1');
  expect(await server.register('c')).toBe(2);
});
