import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import {
  type Broker,
  type BrokerStore,
  checkStore,
  type FilesStore,
  heldPayload,
  openDurableBroker,
  openFilesStore,
  reindexStore,
  type SubmittedGroup,
} from '../../../src/broker/index.ts';
import { idsOf, never } from '../support/fixture.ts';
import { group, settings } from '../support/groups.ts';
import { ManualClock } from '../support/manual-clock.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const trainer = { runId: 'run', consumerId: 'trainer' };
const other = { runId: 'run', consumerId: 'other', rank: 0 };
const options = { durability: 'none', segmentBytes: 2_000 } as const;

/** About a thousand bytes, which say whose they are: one or two groups lie in a segment. */
function kilobyte(id: string): SubmittedGroup {
  const text = `the bytes of ${id}; `;
  return group(id, 1, {
    payload: heldPayload(Buffer.from('header'), [Buffer.from(text.repeat(1_000 / text.length))]),
  });
}

function brokerOn(store: BrokerStore): Broker {
  return openDurableBroker({ store, clock: new ManualClock(), limits: { replayBytes: 0 } });
}

async function ask(broker: Broker, key: { readonly consumerId: string; readonly rank: number }) {
  const next = await broker.nextBatch({ runId: 'run', ...key, waitMs: 0, signal: never });
  return next.kind === 'batch' ? next.batch : undefined;
}

/** Both ranks of the trainer ask, get the same batch, and read all of it. */
async function both(broker: Broker) {
  const [one, two] = [
    await ask(broker, { ...trainer, rank: 0 }),
    await ask(broker, { ...trainer, rank: 1 }),
  ];
  expect(two?.id).toBe(one?.id);
  for (const { id, payload } of one?.groups ?? []) {
    const [part] = await payload.parts({ signal: never });
    expect(Buffer.from(part!).toString()).toMatch(`the bytes of ${id}; `);
  }
  return one;
}

async function ackBoth(broker: Broker, batchId: string): Promise<void> {
  for (const rank of [0, 1]) await broker.ackBatch({ ...trainer, rank, batchId });
}

/** A store left by a broker that died, with groups in each place that a group can be in. */
async function leftStore(): Promise<{ readonly folder: string; readonly digest: Uint8Array }> {
  const folder = mkdtempSync(path.join(tmpdir(), 'lachesis-damaged-'));
  folders.push(folder);
  const store = await openFilesStore(folder, options);
  const broker = brokerOn(store);
  await broker.openRun('run', settings({ batchSize: { kind: 'groups', groups: 2 } }), 0);
  await broker.registerConsumer({ ...trainer, worldSize: 2, mode: 'compete' });
  await broker.registerConsumer({ ...other, worldSize: 1, mode: 'compete' });
  for (let at = 1; at <= 12; at += 1) await broker.submit(kilobyte(`g${at}.`));
  await broker.commitStep({ ...trainer, step: 0 });
  // 1 is acked and committed, 2 and 3 are acked, one rank has 4.
  const digests: Uint8Array[] = [];
  for (const step of [1, 2, 3]) {
    const batch = (await both(broker))!;
    expect(batch.step).toBe(step);
    digests.push(batch.digest);
    await ackBoth(broker, batch.id);
    if (step === 1) await broker.commitStep({ ...trainer, step });
  }
  expect((await ask(broker, { ...trainer, rank: 0 }))?.step).toBe(4);
  // 5 is cut, and the process dies before anybody has it.
  const cut = Promise.withResolvers<void>();
  store.read = () => {
    cut.resolve();
    return new Promise(() => {});
  };
  ask(broker, other).catch(() => {});
  await cut.promise;
  // A cut is written with whatever is next.
  await broker.registerConsumer({ ...other, worldSize: 1, mode: 'compete' });
  await store.close();
  return { folder, digest: digests[2]! };
}

/** Of each group in one of the places; the last waits. */
const DAMAGED = ['g4.', 'g8.', 'g10.', 'g11.'];

function segmentsOf(folder: string): readonly string[] {
  const names = readdirSync(folder).filter((name) => name.endsWith('.seg'));
  return names.map((name) => path.join(folder, name));
}

function flipBytes(folder: string, id: string): void {
  for (const file of segmentsOf(folder)) {
    const bytes = readFileSync(file);
    const at = bytes.indexOf(`the bytes of ${id}; `);
    if (at < 0) continue;
    bytes[at + 500]! ^= 0xff;
    writeFileSync(file, bytes);
    return;
  }
  throw new Error(`no segment holds ${id}`);
}

async function reindexed(folder: string): Promise<void> {
  rmSync(path.join(folder, 'index.db'));
  const { lost } = await reindexStore(folder, { signal: never });
  expect(lost.map(({ label }) => label).sort()).toEqual(DAMAGED.map((id) => `run/${id}`).sort());
}

async function goesOn(broker: Broker, store: FilesStore, digest: Uint8Array): Promise<void> {
  // Rank 1 asks for what rank 0 has: it can't have it any more. 5 never was; what is whole of it comes.
  const fifth = (await both(broker))!;
  expect([fifth.step, idsOf(fifth)]).toEqual([5, ['g9.', 'g12.']]);
  const held = { ...trainer, rank: 0, batchId: 'batch-4' };
  await expect(broker.ackBatch(held)).rejects.toMatchObject({ reason: 'BATCH_GIVEN_UP' });
  await ackBoth(broker, fifth.id);
  expect(await both(broker)).toBeUndefined();
  // What was never in a batch may come once more, what was may not.
  expect(await broker.submit(kilobyte('g11.'))).toEqual({ kind: 'stored', position: 13 });
  expect(await broker.submit(kilobyte('g8.'))).toEqual({ kind: 'duplicate', position: 8 });
  await broker.submit(kilobyte('g13.'));
  const sixth = (await both(broker))!;
  expect([sixth.step, idsOf(sixth)]).toEqual([6, ['g11.', 'g13.']]);
  await ackBoth(broker, sixth.id);
  // Back to the checkpoint: 2 is damaged, 4 was given up; the others are as they were.
  expect(await broker.rewindToStep({ ...trainer, step: 1 })).toEqual({ batches: 4 });
  const third = (await both(broker))!;
  expect([third.step, third.digest]).toEqual([3, digest]);
  await ackBoth(broker, third.id);
  for (const before of [fifth, sixth]) {
    const again = (await both(broker))!;
    expect([again.step, again.digest, again.rows]).toEqual([
      before.step,
      before.digest,
      before.rows,
    ]);
    await ackBoth(broker, again.id);
  }
  await broker.commitStep({ ...trainer, step: 6 });
  const status = {
    run: { step: 6 },
    acceptedGroups: 14,
    waitingGroups: 0,
    leasedBatches: 0,
    droppedGroups: { damaged: 4, damaged_batch: 2 },
    givenUpBatches: 2,
  };
  expect(await broker.status('run')).toMatchObject(status);
  // All is let go, damaged or not.
  expect(store.stats().payloads).toBe(0);
  await broker.close();
  const reopened = await openFilesStore(store.folder, options);
  const after = brokerOn(reopened);
  expect(await after.status('run')).toMatchObject(status);
  await after.close();
  expect(await checkStore(store.folder, { signal: never })).toMatchObject({ problemCount: 0 });
}

test('a run goes on with bytes of groups damaged in every place, and counts what that cost', async () => {
  const { folder, digest } = await leftStore();
  for (const id of DAMAGED) flipBytes(folder, id);
  const store = await openFilesStore(folder, options);
  const broker = brokerOn(store);
  expect(await broker.status('run')).toMatchObject({ waitingGroups: 2, droppedGroups: {} });
  await goesOn(broker, store, digest);
});

test('and so it does after `reindex`, which drops what waits as soon as the store is opened', async () => {
  const { folder, digest } = await leftStore();
  for (const id of DAMAGED) flipBytes(folder, id);
  await reindexed(folder);
  const store = await openFilesStore(folder, options);
  const broker = brokerOn(store);
  expect(await broker.status('run')).toMatchObject({
    waitingGroups: 1,
    droppedGroups: { damaged: 1 },
  });
  await goesOn(broker, store, digest);
});

test('a segment that is cut or gone stops nothing once the store is reindexed', async () => {
  const { folder } = await leftStore();
  const segments = segmentsOf(folder).toSorted();
  truncateSync(segments.at(-1)!, 100);
  rmSync(segments.at(-2)!);
  await expect(openFilesStore(folder, options)).rejects.toMatchObject({ reason: 'SEGMENT_SHORT' });
  rmSync(path.join(folder, 'index.db'));
  const { lost } = await reindexStore(folder, { signal: never });
  expect(lost.length).toBeGreaterThan(1);
  const store = await openFilesStore(folder, options);
  const broker = brokerOn(store);
  for (let at = 13; at <= 18; at += 1) await broker.submit(kilobyte(`g${at}.`));
  let trained = 0;
  for (let batch = await both(broker); batch !== undefined; batch = await both(broker)) {
    trained += batch.groups.length;
    await ackBoth(broker, batch.id);
  }
  const { droppedGroups, waitingGroups } = await broker.status('run');
  const dropped = Object.values(droppedGroups).reduce((sum, groups) => sum + groups, 0);
  // Six were trained before; of the others each is in one of three places.
  expect(trained + dropped + waitingGroups).toBe(12);
  expect(waitingGroups).toBeLessThan(2);
  await broker.close();
});
