import { expect, test } from 'vitest';
import type { RunOptions } from '../../src/client/index.ts';
import { serveForTest } from '../support/serve.ts';

const task = { kind: 'key', key: 'sum-2' } as const;
const orderOf = (runId: string, id: string) => ({
  ...{ id, runId, environment: 'sums', task, groupSize: 2, sampling: {}, limits: {} },
});

test('what a run has no place for is not begun, and keeps the worker from no other run', async () => {
  await using served = await serveForTest();
  const { client } = served;
  const byOne = { batchSize: { kind: 'groups', groups: 1 } } as const;
  await client.runs.open('full', { ...byOne, maxWaitingGroups: 2 });
  const ids = Array.from({ length: 30 }, (_, index) => `full-${index}`);
  await client.work.enqueue(ids.map((id) => orderOf('full', id)));
  await expect
    .poll(async () => (await client.runs.status('full')).waitingGroups, { timeout: 10_000 })
    .toBe(2);
  await client.runs.open('other', byOne);
  await client.work.enqueue([orderOf('other', 'other-0')]);
  await expect
    .poll(async () => (await client.runs.status('other')).acceptedGroups, { timeout: 10_000 })
    .toBe(1);
  expect(await client.runs.status('full')).toMatchObject({
    ...{ waitingGroups: 2, acceptedGroups: 2, openAssignments: 28 },
  });
  await using consumer = await client.batches.register({ runId: 'full' });
  for (let step = 1; step <= 30; step += 1) await (await consumer.next())?.ack();
  expect(await client.runs.status('full')).toMatchObject({
    ...{ acceptedGroups: 30, openAssignments: 0, run: { step: 30 } },
  });
});

/** What a trainer may say of batches, all of it. */
const openSettings: RunOptions = {
  batchSize: { kind: 'rows', rows: 8 },
  maxStaleness: 1,
  maxRowTokens: 128,
  overLength: 'split',
  shares: [
    { environment: 'sums', weight: 3 },
    { environment: 'other', minShare: 0.1, whenShort: 'wait' },
  ],
  admission: { kind: 'soft', factor: 1.5 },
};

test('shares, admission and what becomes of long rows are settings that a run keeps', async () => {
  await using served = await serveForTest();
  const { client } = served;
  const { run } = await client.runs.open('kept', openSettings);
  expect(run.settings).toMatchObject({
    shares: [
      { environment: 'sums', weight: 3, minShare: 0, whenShort: 'release' },
      { environment: 'other', weight: 1, minShare: 0.1, whenShort: 'wait' },
    ],
    admission: { kind: 'soft', factor: 1.5 },
    overLength: 'split',
    maxWaitingGroups: 4_096,
  });
  expect((await client.runs.open('kept', openSettings)).existed).toBe(true);
  await expect(
    client.runs.open('kept', { ...openSettings, overLength: 'drop' }),
  ).rejects.toMatchObject({ message: expect.stringContaining('overLength') });
});
