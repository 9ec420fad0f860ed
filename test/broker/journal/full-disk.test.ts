import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { openDurableBroker } from '../../../src/broker/index.ts';
import { openStoreOn } from '../../../src/broker/stores/files/open.ts';
import { FaultyFileSystem } from '../stores/support/faulty-file-system.ts';
import { never } from '../support/fixture.ts';
import { group, settings } from '../support/groups.ts';

const trainer = { runId: 'run', consumerId: 'trainer', rank: 0 };
const next = { ...trainer, waitMs: 0, signal: never };

test('while not even a record finds room, submits are refused and the rest waits; then all of it goes on', async () => {
  const root = mkdtempSync(path.join(tmpdir(), 'lachesis-full-'));
  try {
    const fileSystem = new FaultyFileSystem();
    const folder = path.join(root, 'store');
    const failures: Error[] = [];
    const broker = openDurableBroker({
      store: await openStoreOn(folder, { fileSystem }),
      onFailure: (error) => void failures.push(error),
    });
    const batchSize = { kind: 'groups', groups: 1 } as const;
    await broker.openRun('run', settings({ batchSize }), 0);
    await broker.registerConsumer({ ...trainer, worldSize: 1, mode: 'compete' });
    for (const id of ['g1', 'g2']) await broker.submit(group(id));
    const first = await broker.nextBatch(next);
    const batchId = first.kind === 'batch' ? first.batch.id : '';

    fileSystem.roomBytes = 0;
    let isAcked = false;
    const ack = broker.ackBatch({ ...trainer, batchId }).then((acked) => {
      isAcked = true;
      return acked;
    });
    const second = broker.nextBatch(next);
    // Past the turn in which the commit is refused.
    await new Promise((resolve) => setTimeout(resolve, 20));
    for (const id of ['g3', 'g4']) {
      await expect(broker.submit(group(id))).rejects.toMatchObject({
        ...{ kind: 'resource_exhausted', reason: 'STORE_FULL', retryAfterMs: 5_000 },
      });
    }
    expect(isAcked).toBe(false);

    fileSystem.roomBytes = Number.POSITIVE_INFINITY;
    expect(await ack).toEqual({ complete: true, step: 1 });
    expect(await second).toMatchObject({ kind: 'batch', batch: { step: 2 } });
    await broker.submit(group('g3'));
    expect(failures).toEqual([]);
    await broker.close();

    const again = openDurableBroker({ store: await openStoreOn(folder, {}) });
    expect(await again.status('run')).toMatchObject({
      ...{ acceptedGroups: 3, waitingGroups: 1, run: { step: 1 } },
    });
    await again.close();
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});

test('a broker that is closed on a full disk says that its last decisions are not kept', async () => {
  const root = mkdtempSync(path.join(tmpdir(), 'lachesis-full-'));
  try {
    const fileSystem = new FaultyFileSystem();
    const store = await openStoreOn(path.join(root, 'store'), { fileSystem });
    const failures: Error[] = [];
    const onFailure = (error: Error): void => void failures.push(error);
    const broker = openDurableBroker({ store, onFailure });
    fileSystem.roomBytes = 0;
    const opened = broker.openRun('run', settings(), 0);
    const refused = expect(opened).rejects.toMatchObject({ reason: 'STORE_FAILED' });
    await new Promise((resolve) => setTimeout(resolve, 20));
    await broker.close();
    await refused;
    expect(failures).toHaveLength(1);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});

test('a disk that fails under a submit fails the broker, once, and every call from then on', async () => {
  const root = mkdtempSync(path.join(tmpdir(), 'lachesis-full-'));
  try {
    const fileSystem = new FaultyFileSystem();
    const store = await openStoreOn(path.join(root, 'store'), { fileSystem });
    const failures: Error[] = [];
    const onFailure = (error: Error): void => void failures.push(error);
    const broker = openDurableBroker({ store, onFailure });
    await broker.openRun('run', settings(), 0);
    fileSystem.before = (operation) => {
      if (operation === 'write') throw Object.assign(new Error('EIO'), { code: 'EIO' });
    };
    for (const id of ['g1', 'g2']) {
      await expect(broker.submit(group(id))).rejects.toMatchObject({ reason: 'STORE_FAILED' });
    }
    const version = broker.publishPolicyVersion('run', 1);
    await expect(version).rejects.toMatchObject({ reason: 'STORE_FAILED' });
    expect(failures.map(({ message }) => message)).toEqual([expect.stringMatching(/EIO/)]);
    await broker.close();
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
