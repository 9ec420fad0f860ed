import { expect, test } from 'vitest';
import { idsOf, openFixture } from './support/fixture.ts';
import { group } from './support/groups.ts';

test('groups become exact batches in the order they came, and the step follows the acks', async () => {
  const { broker, take, next, ack } = await openFixture();
  for (const id of ['a', 'b', 'c', 'd']) {
    expect(await broker.submit(group(id, 2))).toMatchObject({ kind: 'stored' });
  }
  const first = await take();
  expect(idsOf(first)).toEqual(['a', 'b']);
  expect(first).toMatchObject({ step: 1, delivery: 1, policyVersion: 0 });
  expect((await broker.status('run')).run.step).toBe(0);
  expect(await ack(first)).toEqual({ complete: true, step: 1 });
  const second = await take();
  expect(idsOf(second)).toEqual(['c', 'd']);
  expect(await ack(second)).toEqual({ complete: true, step: 2 });
  expect(await next()).toEqual({
    kind: 'none',
    waiting: 0,
    needed: 4,
    closed: false,
    heldBackBy: [],
  });
});
