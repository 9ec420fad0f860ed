import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { BatchSize } from '../../src/broker/index.ts';
import { openFixture } from '../broker/support/fixture.ts';
import { group } from '../broker/support/groups.ts';

type Step =
  | { readonly kind: 'submit'; readonly rows: number; readonly behind: number | undefined }
  | { readonly kind: 'publish'; readonly by: number }
  | { readonly kind: 'cut'; readonly end: 'ack' | 'nack' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('submit'),
      rows: fc.integer({ min: 1, max: 4 }),
      // Ahead of the run's version is what a worker sees that got the new weights first.
      behind: fc.option(fc.integer({ min: -1, max: 4 }), { nil: undefined }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('publish'), by: fc.nat({ max: 2 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('cut'), end: fc.constantFrom('ack', 'nack') }),
  },
);

const batchSize = fc.constantFrom<BatchSize>(
  { kind: 'rows', rows: 4 },
  { kind: 'tokens', tokens: 40 },
  { kind: 'groups', groups: 2 },
);

test('no batch holds a group staler than the run allows when it is cut, and only stale ones are dropped', async () => {
  const cases = fc.record({
    batchSize,
    maxStaleness: fc.nat({ max: 2 }),
    steps: fc.array(step, { minLength: 10, maxLength: 80 }),
  });
  await fc.assert(
    fc.asyncProperty(cases, async ({ steps, ...run }) => {
      const { broker, next, ack } = await openFixture(run);
      const staleness = new Map<string, number>();
      let current = 0;
      let waiting = new Map<string, number>();
      let dropped = 0;
      const drop = () => {
        const fresh = [...waiting].filter(([, version]) => current - version <= run.maxStaleness);
        dropped += waiting.size - fresh.length;
        waiting = new Map(fresh);
      };
      for (const [index, taken] of steps.entries()) {
        if (taken.kind === 'submit') {
          const oldestPolicyVersion =
            taken.behind === undefined ? undefined : Math.max(0, current - taken.behind);
          await broker.submit(group(`g${index}`, taken.rows, { oldestPolicyVersion }));
          waiting.set(`g${index}`, oldestPolicyVersion ?? current);
          staleness.set(`g${index}`, oldestPolicyVersion ?? current);
          drop();
        } else if (taken.kind === 'publish') {
          current += taken.by;
          await broker.publishPolicyVersion('run', current);
          drop();
        } else {
          const answer = await next();
          if (answer.kind === 'none') continue;
          const { batch } = answer;
          for (const { id } of batch.groups) {
            expect(batch.policyVersion - staleness.get(id)!).toBeLessThanOrEqual(run.maxStaleness);
            waiting.delete(id);
          }
          // Handed out again it stays as it was cut, even when it is stale by now.
          if (batch.delivery === 1) expect(batch.policyVersion).toBe(current);
          const request = { runId: 'run', consumerId: 'trainer', rank: 0, batchId: batch.id };
          if (taken.end === 'ack') await ack(batch);
          else await broker.nackBatch({ ...request, reason: 'again' });
        }
        const status = await broker.status('run');
        expect(status.droppedGroups['stale'] ?? 0).toBe(dropped);
        expect(status.waitingGroups).toBe(waiting.size);
      }
      await broker.close();
    }),
    { numRuns: 200 },
  );
});

test('the oldest policy version is taken first', async () => {
  const { broker, take } = await openFixture({ maxStaleness: 5 });
  await broker.publishPolicyVersion('run', 5);
  for (const [index, oldestPolicyVersion] of [5, 3, 4, 3].entries()) {
    await broker.submit(group(`g${index}`, 2, { oldestPolicyVersion }));
  }
  expect((await take()).groups.map(({ id }) => id)).toEqual(['g1', 'g3']);
});
