import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Broker, createMemoryBroker, openDurableBroker } from '../../src/broker/index.ts';
import { errorMessage, LachesisError } from '../../src/errors.ts';
import { never } from '../broker/support/fixture.ts';
import { assignment, group, settings } from '../broker/support/groups.ts';
import { share } from '../broker/support/lanes.ts';
import { ManualClock } from '../broker/support/manual-clock.ts';
import { MapStore } from '../broker/support/map-store.ts';

const NAMES = ['a', 'b', 'c'] as const;
const key = { runId: 'run', consumerId: 'trainer' };

type Step =
  | { readonly kind: 'submit'; readonly who: number; readonly rows: number }
  | { readonly kind: 'order' | 'lease'; readonly who: number; readonly count: number }
  | { readonly kind: 'finish'; readonly which: number }
  | { readonly kind: 'train' | 'publish' | 'crash' };

const who = fc.nat({ max: NAMES.length - 1 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('submit'), who, rows: fc.integer({ min: 1, max: 5 }) }),
  fc.record({ kind: fc.constant('submit'), who, rows: fc.integer({ min: 1, max: 5 }) }),
  fc.record({
    kind: fc.constantFrom('order', 'lease'),
    who,
    count: fc.integer({ min: 1, max: 4 }),
  }),
  fc.record({ kind: fc.constant('finish'), which: fc.nat({ max: 9 }) }),
  fc.record({ kind: fc.constantFrom('train', 'train', 'publish', 'crash') }),
);

async function outcomeOf<T>(call: Promise<T>): Promise<T | string> {
  try {
    return await call;
  } catch (error) {
    return error instanceof LachesisError ? error.reason : errorMessage(error);
  }
}

/** What a broker answers to a step, as far as it decides anything. */
async function take(broker: Broker, taken: Step, at: number, leased: string[]): Promise<unknown> {
  switch (taken.kind) {
    case 'submit': {
      const environment = NAMES[taken.who]!;
      const { policyVersion } = await broker.getRun('run');
      const fields = { environment, oldestPolicyVersion: policyVersion };
      return await outcomeOf(broker.submit(group(`g${at}`, taken.rows, fields)));
    }
    case 'order': {
      const environment = NAMES[taken.who]!;
      const ids = Array.from({ length: taken.count }, (_, index) => `o${at}-${index}`);
      return await broker.enqueue(ids.map((id) => assignment(id, { environment, groupSize: 2 })));
    }
    case 'lease': {
      // One environment at a time: whose turn it is among several is not kept.
      const environments = [NAMES[taken.who]!];
      const request = { workerId: 'worker', environments, waitMs: 0, signal: never };
      const leases = await broker.lease({ ...request, max: taken.count });
      const found = leases.map((one) => `${one.assignment.environment}/${one.assignment.id}`);
      leased.push(...found);
      return found;
    }
    case 'finish': {
      const [one] = leased.splice(taken.which, 1);
      if (one === undefined) return undefined;
      const [environment = '', id = ''] = one.split('/');
      return await outcomeOf(broker.submit(group(id, 2, { environment })));
    }
    case 'train': {
      const next = await broker.nextBatch({ ...key, rank: 0, waitMs: 0, signal: never });
      if (next.kind === 'none') return 'none';
      const { id: batchId, groups } = next.batch;
      await broker.ackBatch({ ...key, rank: 0, batchId });
      return groups.map(({ id }) => id);
    }
    case 'publish': {
      const { policyVersion } = await broker.getRun('run');
      return await broker.publishPolicyVersion('run', policyVersion + 1);
    }
    case 'crash':
      return undefined;
  }
}

test('what a broker decides of shares, minimums, places and capacity does not change with a crash', async () => {
  const world = fc.record({
    steps: fc.array(step, { minLength: 20, maxLength: 120 }),
    weights: fc.array(fc.constantFrom(1, 2, 5), { minLength: 3, maxLength: 3 }),
    minShare: fc.constantFrom(0, 0.2),
    admission: fc.constantFrom(
      { kind: 'off' } as const,
      { kind: 'strict' } as const,
      { kind: 'soft', factor: 2 } as const,
    ),
    maxStaleness: fc.nat({ max: 2 }),
  });
  let batches = 0;
  await fc.assert(
    fc.asyncProperty(world, async ({ steps, weights, minShare, ...rest }) => {
      const clock = new ManualClock();
      const store = new MapStore();
      const reopen = () => openDurableBroker({ clock, store: store.reopened() });
      const steady = createMemoryBroker({ clock });
      let durable = reopen();
      const shares = weights.map((weight, index) => share(NAMES[index]!, weight, { minShare }));
      const batchSize = { kind: 'rows', rows: 8 } as const;
      const chosen = settings({ batchSize, shares, maxWaitingGroups: 12, ...rest });
      for (const broker of [steady, durable]) {
        await broker.openRun('run', chosen, 0);
        await broker.registerConsumer({ ...key, worldSize: 1, mode: 'compete' });
      }
      const leased: readonly [string[], string[]] = [[], []];
      for (const [at, taken] of steps.entries()) {
        if (taken.kind === 'crash') {
          // Who leased what is written with the next record, and a crash before that may forget it.
          await durable.registerConsumer({ ...key, worldSize: 1, mode: 'compete' });
          durable = reopen();
        }
        const expected = await take(steady, taken, at, leased[0]);
        expect(await take(durable, taken, at, leased[1])).toEqual(expected);
        expect(await durable.credits('run')).toBe(await steady.credits('run'));
        if (taken.kind === 'train' && expected !== 'none') batches += 1;
      }
      await durable.close();
      await steady.close();
    }),
    { numRuns: 150 },
  );
  expect(batches).toBeGreaterThan(100);
});
