import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { type Broker, openDurableBroker, openFilesStore } from '../../src/broker/index.ts';
import { type BatchConsumer, connect, type LachesisClient } from '../../src/client/index.ts';
import { startServer } from '../../src/server/index.ts';
import { encodedGroup } from '../support/encoded-group.ts';
import { type FreezingProxy, freezingProxy } from './support/freezing-proxy.ts';

const LEASE_MS = 400;
const RUN = 'run';

interface Served extends AsyncDisposable {
  readonly broker: Broker;
  readonly client: LachesisClient;
  readonly proxy: FreezingProxy;
  /** Comes through the proxy. */
  readonly far: LachesisClient;
  submit(id: string): Promise<void>;
}

/** A durable server with short leases and a run of batches of one group, reached directly and by a proxy. */
async function served(): Promise<Served> {
  await using owned = new AsyncDisposableStack();
  const root = mkdtempSync(path.join(tmpdir(), 'lachesis-silent-'));
  owned.defer(() => rmSync(root, { recursive: true, force: true }));
  const leases = { batchLeaseMs: LEASE_MS, assignmentLeaseMs: LEASE_MS };
  const store = await openFilesStore(path.join(root, 'store'));
  const broker = openDurableBroker({ store, ...leases });
  owned.defer(() => broker.close());
  const server = owned.use(
    await startServer({ environments: [], worker: false, auth: { kind: 'none' }, broker }),
  );
  const proxy = owned.use(await freezingProxy(server.port));
  const to = async (address: string) => owned.use(await connect({ address, token: '' }));
  const client = await to(server.address);
  const far = await to(proxy.address);
  await client.runs.open(RUN, { batchSize: { kind: 'groups', groups: 1 } });
  const all = owned.move();
  return {
    ...{ broker, client, proxy, far },
    submit: async (id) => {
      await using stream = client.work.submitGroups(RUN);
      await stream.submit(await encodedGroup({ id, runId: RUN, groupSize: 4 }));
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

async function take(consumer: BatchConsumer, waitMs = 10 * LEASE_MS) {
  const batch = await consumer.next({ waitMs });
  if (batch === undefined) throw new Error('the run is closed');
  return batch;
}

test('the batch of a trainer whose connection fell silent goes to another, identical; its late ack is refused', async () => {
  await using at = await served();
  await at.submit('g1');
  await using silent = await at.far.batches.register({ runId: RUN, consumerId: 'silent' });
  await using other = await at.client.batches.register({ runId: RUN, consumerId: 'other' });
  const first = await take(silent);
  // Longer than a lease: it is kept as long as extends get through.
  await expect(take(other, 2 * LEASE_MS)).rejects.toMatchObject({ reason: 'NO_BATCH' });
  at.proxy.freeze();
  const late = first.ack();
  const second = await take(other);
  expect([second.id, second.digest, second.delivery]).toEqual([first.id, first.digest, 2]);
  expect(second.rows.map(({ row }) => row)).toEqual(first.rows.map(({ row }) => row));
  at.proxy.thaw();
  await expect(late).rejects.toThrow(/does not hold batch/);
  expect(await second.ack()).toEqual({ complete: true, step: 1 });
});

test('a batch handed to a trainer that waited and cannot hear it any more goes to another', async () => {
  await using at = await served();
  await using silent = await at.far.batches.register({ runId: RUN, consumerId: 'silent' });
  await using other = await at.client.batches.register({ runId: RUN, consumerId: 'other' });
  const unheard = silent.nextOrNone({ timeoutMs: 60_000 }).catch(() => undefined);
  // It waits at the server by then.
  await expect(take(other, 100)).rejects.toMatchObject({ reason: 'NO_BATCH' });
  at.proxy.freeze();
  await at.submit('g1');
  const batch = await take(other);
  expect(batch.delivery).toBe(2);
  await batch.ack();
  at.proxy.thaw();
  await unheard;
});

test('the batch of a rank that died comes again, whole, although its fellow rank acked it', async () => {
  await using at = await served();
  await at.submit('g1');
  const ranks = (rank: number) => ({ runId: RUN, consumerId: 'ranks', rank, worldSize: 2 });
  await using alive = await at.client.batches.register(ranks(0));
  await using dead = await at.far.batches.register(ranks(1));
  const [first, unacked] = [await take(alive), await take(dead)];
  expect(await first.ack()).toMatchObject({ complete: false });
  at.proxy.freeze();
  // The living rank asks on, which does not keep the lease: it is handed the batch again.
  const again = await take(alive);
  expect([again.id, again.digest, again.delivery]).toEqual([first.id, first.digest, 2]);
  expect(again.rows.map(({ row }) => row)).toEqual(first.rows.map(({ row }) => row));
  expect(await again.ack()).toMatchObject({ complete: false });
  await using successor = await at.client.batches.register(ranks(1));
  const theirs = await take(successor);
  expect(theirs.rows.map(({ row }) => row)).toEqual(unacked.rows.map(({ row }) => row));
  expect(await theirs.ack()).toEqual({ complete: true, step: 1 });
});

test('an assignment of a worker that fell silent goes to another, and its group is stored once', async () => {
  await using at = await served();
  const { broker, far } = at;
  const assignment = { id: 'a1', runId: RUN, environment: 'sums', priority: 0 };
  await broker.enqueue([{ ...assignment, payload: new Uint8Array(0) }]);
  const lease = (workerId: string, waitMs: number) => {
    const { signal } = new AbortController();
    return broker.lease({ workerId, environments: ['sums'], max: 1, waitMs, signal });
  };
  await far.work.register({ workerId: 'silent', environments: ['sums'], capacity: 1 });
  expect(await lease('silent', 0)).toMatchObject([{ attempt: 1 }]);
  const beat = () => far.work.heartbeat('silent', ['a1'], { timeoutMs: 5_000 });
  for (let beats = 0; beats < 4; beats += 1) {
    expect(await lease('other', LEASE_MS / 2)).toEqual([]);
    expect((await beat()).cancelled).toEqual([]);
  }
  at.proxy.freeze();
  const late = beat();
  expect(await lease('other', 10 * LEASE_MS)).toMatchObject([{ attempt: 2 }]);
  at.proxy.thaw();
  expect((await late).cancelled).toMatchObject([{ assignmentId: 'a1' }]);
  for (const client of [at.client, far]) {
    await using stream = client.work.submitGroups(RUN);
    const { duplicate } = await stream.submit(await encodedGroup({ id: 'a1', runId: RUN }));
    expect(duplicate).toBe(client === far);
  }
  expect(await at.client.runs.status(RUN)).toMatchObject({ acceptedGroups: 1, openAssignments: 0 });
});
