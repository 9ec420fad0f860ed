import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Code } from '@connectrpc/connect';
import { describe, expect, test } from 'vitest';
import { createMemoryBroker, openDurableBroker } from '../../src/broker/index.ts';
import type {
  Batch,
  ConnectionChange,
  ConnectOptions,
  LachesisClient,
} from '../../src/client/index.ts';
import { MapStore } from '../broker/support/map-store.ts';
import { encodedGroup } from '../support/encoded-group.ts';
import { type ServedForTest, serveForTest } from '../support/serve.ts';
import { type TcpProxy, tcpProxy } from '../support/tcp-proxy.ts';

const quick = { initialMs: 10, maxMs: 40 };
const transport = { reconnectInitialMs: 10, reconnectMaxMs: 40, retry: false } as const;
const pairs = { batchSize: { kind: 'groups', groups: 2 } } as const;

/** A broker that outlives its servers, as one with a store does. */
async function restartable() {
  const broker = createMemoryBroker({ batchLeaseMs: 60_000 });
  const tokenDirectory = await mkdtemp(join(tmpdir(), 'lachesis-restart-'));
  let served = await serveForTest({ broker, tokenDirectory });
  const { port } = served.server;
  return {
    broker,
    port,
    get served(): ServedForTest {
      return served;
    },
    connect: (options: ConnectOptions = {}) =>
      served.connect({ tokenDirectory, reconnect: quick, transport, ...options }),
    stop: () => served[Symbol.asyncDispose](),
    /** With tokens of its own, as each start has them. */
    start: async () => {
      served = await serveForTest({ broker, port, tokenDirectory });
    },
    [Symbol.asyncDispose]: async () => {
      await served[Symbol.asyncDispose]();
      await broker.close();
      await rm(tokenDirectory, { recursive: true });
    },
  };
}

async function submitted(client: LachesisClient, ids: readonly string[]): Promise<void> {
  await using stream = client.work.submitGroups('run');
  for (const id of ids) await stream.submit(await encodedGroup({ id, runId: 'run', tokens: 500 }));
}

describe('a trainer whose server restarts', () => {
  test('goes on: it waits for a batch, acks, commits and publishes as if nothing had been', async () => {
    await using house = await restartable();
    const changes: ConnectionChange['kind'][] = [];
    await using client = await house.connect({
      reconnect: { ...quick, onChange: ({ kind }) => changes.push(kind) },
    });
    await client.runs.open('run', pairs);
    await using consumer = await client.batches.register({ runId: 'run', keepLeases: false });
    const waiting = consumer.next({ waitMs: 20_000 });
    await expect.poll(() => house.served.server.listener.stats().exchanges).toBeGreaterThan(0);
    await house.stop();
    await expect.poll(() => changes).toEqual(['lost']);
    await house.start();
    await submitted(client, ['a', 'b']);
    const batch = (await waiting)!;
    expect(batch.groups.map(({ groupId }) => groupId)).toEqual(['a', 'b']);
    expect(changes).toEqual(['lost', 'back']);

    await house.stop();
    const acked = batch.ack();
    await expect.poll(() => changes).toEqual(['lost', 'back', 'lost']);
    await house.start();
    expect(await acked).toEqual({ complete: true, step: 1 });
    // The ack was answered, and is asked for once more all the same.
    expect(await batch.ack()).toEqual({ complete: true, step: 1 });

    await house.stop();
    const rest = Promise.all([consumer.commit(1), client.batches.publishPolicyVersion('run', 1)]);
    await house.start();
    expect(await rest).toEqual([undefined, 1]);
    expect((await house.broker.status('run')).run).toMatchObject({ step: 1, policyVersion: 1 });
  });

  test('goes on when the broker is read from its store anew, and its batch is the one that it was', async () => {
    const tokenDirectory = await mkdtemp(join(tmpdir(), 'lachesis-restart-'));
    const store = new MapStore();
    const serve = (port: number) =>
      // Nothing is closed before the next is opened: what the store has by then is all there is.
      serveForTest({
        broker: openDurableBroker({ store: store.reopened() }),
        port,
        tokenDirectory,
      });
    const first = await serve(0);
    await using client = await first.connect({ tokenDirectory, reconnect: quick, transport });
    await client.runs.open('run', pairs);
    await using consumer = await client.batches.register({ runId: 'run', keepLeases: false });
    await submitted(client, ['a', 'b']);
    const before = (await consumer.next())!;
    await first[Symbol.asyncDispose]();
    const pulled = consumer.next();
    await using _second = await serve(first.server.port);
    const batch = (await pulled)!;
    expect([batch.id, batch.delivery, batch.digest]).toEqual([before.id, 1, before.digest]);
    expect(await before.ack()).toEqual({ complete: true, step: 1 });
    expect(await client.runs.status('run')).toMatchObject({
      ...{ acceptedGroups: 2, waitingGroups: 0, recentBatches: 1, trainedByStaleness: [2] },
    });
    await rm(tokenDirectory, { recursive: true });
  });

  test('sees each policy version and each status to come', async () => {
    await using house = await restartable();
    await using client = await house.connect();
    await client.runs.open('run', pairs);
    const versions = client.batches.watchPolicyVersion('run');
    const figures = client.runs.watch('run', { intervalMs: 50 });
    expect((await versions.next()).value).toBe(0);
    expect((await figures.next()).value).toMatchObject({ waitingGroups: 0 });
    await house.stop();
    const next = versions.next();
    await house.broker.publishPolicyVersion('run', 3);
    await house.start();
    expect((await next).value).toBe(3);
    await submitted(client, ['a']);
    for await (const { waitingGroups } of figures) if (waitingGroups === 1) break;
    await versions.return();
  });

  test('is told what was refused, and is not kept from its deadline or its signal', async () => {
    await using house = await restartable();
    await using client = await house.connect();
    await client.runs.open('run', pairs);
    await expect(client.batches.publishPolicyVersion('nowhere', 1)).rejects.toMatchObject({
      code: Code.NotFound,
    });
    await using consumer = await client.batches.register({ runId: 'run', keepLeases: false });
    await house.stop();
    await expect(consumer.commit(0, { timeoutMs: 150 })).rejects.toMatchObject({
      code: Code.DeadlineExceeded,
      message: expect.stringContaining('while the server was away'),
    });
    const given = new AbortController();
    const next = consumer.next({ signal: given.signal });
    given.abort(new Error('enough'));
    await expect(next).rejects.toThrow();
  });

  test('that is not to reconnect is told at once', async () => {
    await using house = await restartable();
    await using client = await house.connect({ reconnect: false });
    await client.runs.open('run', pairs);
    await using consumer = await client.batches.register({ runId: 'run', keepLeases: false });
    await house.stop();
    await expect(consumer.commit(0)).rejects.toMatchObject({ code: Code.Unavailable });
    await expect(consumer.next()).rejects.toMatchObject({ code: Code.Unavailable });
  });

  test('ends when its client is closed, however long the server is away', async () => {
    await using house = await restartable();
    const client = await house.connect();
    await client.runs.open('run', pairs);
    const consumer = await client.batches.register({ runId: 'run', keepLeases: false });
    await house.stop();
    const next = consumer.next();
    const stream = client.work.submitGroups('run');
    const group = stream.submit(await encodedGroup({ id: 'a', runId: 'run' }));
    const ends = Promise.all([
      expect(next).rejects.toMatchObject({ code: Code.Canceled }),
      expect(group).rejects.toMatchObject({ code: Code.Canceled }),
    ]);
    await client[Symbol.asyncDispose]();
    await ends;
  });

  test('with a token that no server ever wrote, is refused at once', async () => {
    await using served = await serveForTest();
    await using client = await served.connect({ token: 'wrong', reconnect: quick });
    const refused = { code: Code.Unauthenticated };
    await expect(client.batches.publishPolicyVersion('run', 1)).rejects.toMatchObject(refused);
    const watch = client.batches.watchPolicyVersion('run').next();
    await expect(watch).rejects.toMatchObject(refused);
  });
});

/** A client on the other side of a proxy, and what it told of its connection. */
async function farClient(
  served: ServedForTest,
  proxy: TcpProxy,
  more: ConnectOptions['transport'] = {},
) {
  const changes: ConnectionChange['kind'][] = [];
  const far = await served.connect({
    address: proxy.address,
    token: served.server.tokens!.operator,
    reconnect: { ...quick, onChange: ({ kind }) => changes.push(kind) },
    transport: { ...transport, ...more },
  });
  return { far, changes };
}

describe('a connection that breaks', () => {
  test('in the middle of a batch: it is pulled again, the same', async () => {
    await using served = await serveForTest();
    await using proxy = await tcpProxy(served.server.port);
    await served.client.runs.open('run', pairs);
    await submitted(served.client, ['a', 'b']);
    const { batches } = served.client;
    await using straight = await batches.register({ runId: 'run', keepLeases: false });
    const expected = (await straight.next())!;
    const { far, changes } = await farClient(served, proxy);
    await using _far = far;
    await using consumer = await far.batches.register({ runId: 'run', keepLeases: false });
    proxy.cutAfter(4_000, 'down');
    const batch = (await consumer.next()) as Batch;
    expect(changes).toEqual(['lost', 'back']);
    expect(batch.delivery).toBe(1);
    expect(batch.digest).toEqual(expected.digest);
    expect(batch.rows.map(({ tokenIds }) => tokenIds)).toEqual(
      expected.rows.map(({ tokenIds }) => tokenIds),
    );
  });

  test('in the middle of a submit: what was not answered is sent once more, and stored once', async () => {
    await using served = await serveForTest();
    await using proxy = await tcpProxy(served.server.port);
    await served.client.runs.open('run', { batchSize: { kind: 'groups', groups: 99 } });
    const { far, changes } = await farClient(served, proxy);
    await using _far = far;
    const stream = far.work.submitGroups('run', { maxInFlight: 3 });
    const groups = await Promise.all(
      Array.from({ length: 12 }, (_, at) =>
        encodedGroup({ id: `g${at}`, runId: 'run', tokens: 800 }),
      ),
    );
    await stream.submit(groups[0]!);
    proxy.cutAfter(30_000, 'up');
    const sent = groups.slice(1, 8).map((group) => stream.submit(group));
    await sent[0];
    proxy.cutAfter(100, 'down');
    await Promise.all(sent);
    proxy.cut();
    await Promise.all(groups.slice(8).map((group) => stream.submit(group)));
    expect(changes.filter((kind) => kind === 'lost').length).toBeGreaterThan(1);
    // What came before is known, and a refusal ends no stream.
    expect(await stream.submit(groups[3]!)).toEqual({ duplicate: true });
    await stream.close();
    expect(await served.client.runs.status('run')).toMatchObject({ acceptedGroups: 12 });
  });

  test('after all was answered keeps no close waiting', async () => {
    await using house = await restartable();
    await using client = await house.connect();
    await client.runs.open('run', pairs);
    const stream = client.work.submitGroups('run');
    await stream.submit(await encodedGroup({ id: 'a', runId: 'run' }));
    await house.stop();
    await stream.close();
  });
});

describe('a peer that is gone without a word', () => {
  const soon = { keepaliveIntervalMs: 250, keepaliveTimeoutMs: 250 };

  test('is noticed by the client, which pulls and submits over another connection', async () => {
    await using served = await serveForTest();
    await using proxy = await tcpProxy(served.server.port);
    await served.client.runs.open('run', pairs);
    const { far, changes } = await farClient(served, proxy, soon);
    await using _far = far;
    await using consumer = await far.batches.register({ runId: 'run', keepLeases: false });
    const waiting = consumer.next();
    await expect.poll(() => proxy.connections).toBe(2);
    const before = changes.length;
    proxy.freeze();
    await expect.poll(() => changes.length, { timeout: 5_000 }).toBeGreaterThan(before);
    await using stream = far.work.submitGroups('run');
    for (const id of ['a', 'b']) await stream.submit(await encodedGroup({ id, runId: 'run' }));
    expect((await waiting)!.step).toBe(1);
    proxy.freeze();
    const again = stream.submit(await encodedGroup({ id: 'c', runId: 'run' }));
    expect(await again).toEqual({ duplicate: false });
  });

  test('is noticed by the server, which ends its streams and its connection', async () => {
    const timeouts = { pingIntervalMs: 250, pingTimeoutMs: 250 };
    await using served = await serveForTest({ listener: { timeouts } });
    await using proxy = await tcpProxy(served.server.port);
    await served.client.runs.open('run', pairs);
    const { far } = await farClient(served, proxy);
    await using consumer = await far.batches.register({ runId: 'run', keepLeases: false });
    const { listener } = served.server;
    const given = new AbortController();
    const waiting = consumer.next({ signal: given.signal }).catch(() => 'given up');
    await expect.poll(() => listener.stats().exchanges).toBe(1);
    proxy.freeze();
    // One is left, that of the client beside the proxy.
    await expect
      .poll(() => listener.stats(), { timeout: 5_000 })
      .toMatchObject({ exchanges: 0, http2Sessions: 1 });
    given.abort();
    expect(await waiting).toBe('given up');
    await far[Symbol.asyncDispose]();
  });
});

test.each([false, true])(
  'a scan passes over a group that is damaged (headers only: %s)',
  async (headerOnly) => {
    const store = new MapStore();
    await using served = await serveForTest({ broker: openDurableBroker({ store }) });
    await using client = await served.connect({ reconnect: quick, transport });
    await client.runs.open('run', pairs);
    await submitted(client, ['a', 'b', 'c']);
    store.damaged.add([...store.payloads.keys()][1]!);
    const found: string[] = [];
    for await (const [, { header }] of client.runs.scan('run', { headerOnly }))
      found.push(header.groupId);
    expect(found).toEqual(['a', 'c']);
  },
);

test.each([
  ['its headers', 3],
  ['its rows', 6],
])(
  'a batch that is damaged while %s are read ends short, and the next one comes by itself',
  async (_, at) => {
    const store = new MapStore();
    const { read } = store;
    let reads = 0;
    store.read = async (ref) => {
      reads += 1;
      if (reads === at) store.damaged.add(ref.offset);
      return read.call(store, ref);
    };
    await using served = await serveForTest({ broker: openDurableBroker({ store }) });
    await using client = await served.connect({ reconnect: quick, transport });
    await client.runs.open('run', pairs);
    await submitted(client, ['a', 'b', 'c', 'd']);
    await using consumer = await client.batches.register({ runId: 'run', keepLeases: false });
    const batch = (await consumer.next({ waitMs: 20_000 }))!;
    // Two looks by the check and two at the headers; what is damaged is looked at twice.
    expect(batch.groups.map(({ groupId }) => groupId)).toEqual(['c', 'd']);
    expect(await batch.ack()).toEqual({ complete: true, step: 2 });
    expect(await client.runs.status('run')).toMatchObject({
      droppedGroups: { damaged: 1, damaged_batch: 1 },
      givenUpBatches: 1,
    });
  },
);
