import { describe, expect, test } from 'vitest';
import { idsOf, openFixture } from './support/fixture.ts';
import { group } from './support/groups.ts';

/** A run of batches of one group each, none of whose bytes are kept once nobody needs them. */
async function forgetful() {
  const fixture = await openFixture(
    { batchSize: { kind: 'groups', groups: 1 } },
    { limits: { replayBytes: 0, maxUncommittedBatches: 3 } },
  );
  const { broker, take, ack } = fixture;
  const trainer = { runId: 'run', consumerId: 'trainer' };
  let submitted = 0;
  const train = async (): Promise<string> => {
    submitted += 1;
    await broker.submit(group(`g${submitted}`));
    const batch = await take();
    await ack(batch);
    return idsOf(batch)[0]!;
  };
  const commit = (step: number) => broker.commitStep({ ...trainer, step });
  const rewind = (step: number) => broker.rewindToStep({ ...trainer, step });
  return { ...fixture, train, commit, rewind };
}

describe('a trainer that goes back to a checkpoint', () => {
  test('is handed the batches after it once more, identical, and then new ones', async () => {
    const { broker, take, ack, rewind } = await openFixture().then((fixture) => ({
      ...fixture,
      rewind: (step: number) =>
        fixture.broker.rewindToStep({ runId: 'run', consumerId: 'trainer', step }),
    }));
    for (let at = 1; at <= 6; at++) await broker.submit(group(`g${at}`, 2));
    const first = await take();
    await ack(first);
    const second = await take();
    await ack(second);
    expect(await rewind(0)).toEqual({ batches: 2 });
    expect((await broker.getRun('run')).step).toBe(0);
    const again = await take();
    expect({ ...again, delivery: 1 }).toEqual(first);
    expect(again.delivery).toBe(2);
    await ack(again);
    const secondAgain = await take();
    expect({ ...secondAgain, delivery: 1 }).toEqual(second);
    expect((await ack(secondAgain)).step).toBe(2);
    expect(idsOf(await take())).toEqual(['g5', 'g6']);
  });

  test('finds all since its last commit, whatever else is let go', async () => {
    const { train, commit, rewind, take, broker } = await forgetful();
    await train();
    await commit(1);
    const [second, third] = [await train(), await train()];
    expect(await rewind(1)).toEqual({ batches: 2 });
    expect(idsOf(await take())).toEqual([second]);
    expect((await broker.getGroup('run', third)).id).toBe(third);
    await expect(rewind(0)).rejects.toMatchObject({
      reason: 'STEP_NOT_KEPT',
      metadata: { oldest_step: '1' },
    });
  });

  test('without commits has what the replay window holds', async () => {
    const { train, rewind } = await forgetful();
    await train();
    await expect(rewind(0)).rejects.toMatchObject({ reason: 'STEP_NOT_KEPT' });
  });

  test('that commits lets go of what was kept for it', async () => {
    const { train, commit, broker } = await forgetful();
    await commit(0);
    const first = await train();
    expect((await broker.getGroup('run', first)).id).toBe(first);
    await commit(1);
    await expect(broker.getGroup('run', first)).rejects.toMatchObject({ reason: 'GROUP_NOT_KEPT' });
  });

  test('is told to commit before more is kept than may be', async () => {
    const { train, commit, next, broker } = await forgetful();
    await commit(0);
    for (let at = 0; at < 3; at++) await train();
    await broker.submit(group('one more'));
    await expect(next()).rejects.toMatchObject({
      kind: 'resource_exhausted',
      reason: 'COMMIT_NEEDED',
    });
    await commit(3);
    expect((await next()).kind).toBe('batch');
  });

  test.each([['commitStep'], ['rewindToStep']] as const)(
    '%s refuses a step that is not there yet, and who is not registered',
    async (method) => {
      const { broker } = await forgetful();
      const request = { runId: 'run', consumerId: 'trainer', step: 1 };
      await expect(broker[method](request)).rejects.toMatchObject({
        reason: 'STEP_NOT_ACKED',
        field: 'step',
      });
      await expect(broker[method]({ ...request, consumerId: 'x' })).rejects.toMatchObject({
        reason: 'CONSUMER_NOT_REGISTERED',
      });
    },
  );
});

test('a consumer that came after a batch goes on when another goes back before it', async () => {
  const { broker, take, ack } = await openFixture();
  for (let at = 1; at <= 4; at++) await broker.submit(group(`g${at}`, 2));
  await ack(await take());
  await broker.registerConsumer({
    ...{ runId: 'run', consumerId: 'eval', worldSize: 1, mode: 'fan_out' },
  });
  await broker.rewindToStep({ runId: 'run', consumerId: 'trainer', step: 0 });
  expect(idsOf(await take('eval'))).toEqual(['g3', 'g4']);
  expect(idsOf(await take())).toEqual(['g1', 'g2']);
  await broker.rewindToStep({ runId: 'run', consumerId: 'eval', step: 0 });
  expect(idsOf(await take('eval'))).toEqual(['g1', 'g2']);
});
