import { expect, test } from 'vitest';
import { openDurableBroker } from '../../../src/broker/index.ts';
import { group, settings } from '../support/groups.ts';
import { MapStore } from '../support/map-store.ts';

/** A store whose syncs end when they are told to, and that counts its commits. */
class SlowStore extends MapStore {
  commits = 0;
  readonly syncs: PromiseWithResolvers<void>[] = [];
  isSlow = false;

  override commit(change: Parameters<MapStore['commit']>[0]): void {
    this.commits += 1;
    super.commit(change);
  }

  synced(): Promise<void> {
    if (!this.isSlow) return Promise.resolve();
    const sync = Promise.withResolvers<void>();
    this.syncs.push(sync);
    return sync.promise;
  }
}

async function opened() {
  const store = new SlowStore();
  const failures: Error[] = [];
  const broker = openDurableBroker({ store, onFailure: (error) => void failures.push(error) });
  await broker.openRun('run', settings({ batchSize: { kind: 'groups', groups: 9 } }), 0);
  store.isSlow = true;
  store.commits = 0;
  return { store, broker, failures };
}

/** Past the turns in which all that can go on does. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
}

test('an answer waits for the sync of its commit; what is decided meanwhile is one commit after it', async () => {
  const { store, broker } = await opened();
  const answered: string[] = [];
  const submit = (id: string) => broker.submit(group(id)).then(() => void answered.push(id));
  const first = submit('g1');
  await turns();
  const later = ['g2', 'g3'].map(submit);
  await turns();
  expect([answered, store.commits, store.syncs.length]).toEqual([[], 1, 1]);
  store.syncs[0]?.resolve();
  await first;
  await turns();
  expect([answered, store.commits, store.syncs.length]).toEqual([['g1'], 2, 2]);
  store.syncs[1]?.resolve();
  await Promise.all(later);
  expect(store.commits).toBe(2);
  await broker.close();
});

test('when a sync fails, all that waits for it or comes later is refused, and the owner is told once', async () => {
  const { store, broker, failures } = await opened();
  const failed = { reason: 'STORE_FAILED' };
  const first = expect(broker.submit(group('g1'))).rejects.toMatchObject(failed);
  await turns();
  const second = expect(broker.submit(group('g2'))).rejects.toMatchObject(failed);
  await turns();
  store.syncs[0]?.reject(new Error('the disk says so'));
  await Promise.all([first, second]);
  await expect(broker.submit(group('g3'))).rejects.toMatchObject(failed);
  expect(failures).toHaveLength(1);
  expect(store.commits).toBe(1);
});

test('closing commits what waits for a sync under way', async () => {
  const { store, broker } = await opened();
  const answers = [broker.submit(group('g1'))];
  await turns();
  answers.push(broker.submit(group('g2')));
  await turns();
  await broker.close();
  for (const { resolve } of store.syncs) resolve();
  await Promise.all(answers);
  const again = openDurableBroker({ store });
  expect(await again.status('run')).toMatchObject({ acceptedGroups: 2 });
});
