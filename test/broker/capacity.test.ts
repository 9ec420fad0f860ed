import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RunSettings } from '../../src/broker/index.ts';
import { type Fixture, never, openFixture } from './support/fixture.ts';
import { assignment, group } from './support/groups.ts';

const byGroups: Partial<RunSettings> = { batchSize: { kind: 'groups', groups: 4 } };

/** Leases all that may be begun, and says which. */
async function lease({ broker }: Fixture, max = 100): Promise<readonly string[]> {
  const request = { workerId: 'worker', environments: ['env'], waitMs: 0, signal: never };
  const leases = await broker.lease({ ...request, max });
  return leases.map((one) => one.assignment.id);
}

async function order({ broker }: Fixture, count: number, groupSize?: number): Promise<void> {
  const size = groupSize === undefined ? {} : { groupSize };
  await broker.enqueue(Array.from({ length: count }, (_, index) => assignment(`g${index}`, size)));
}

describe('an assignment is leased only when its group will have a place', () => {
  test('beside those that wait and those that play', async () => {
    const run = await openFixture({ ...byGroups, maxWaitingGroups: 6 });
    await order(run, 20);
    await run.broker.submit(group('pushed'));
    expect(await run.broker.credits('run')).toBe(5);
    const leased = await lease(run);
    expect(leased).toHaveLength(5);
    expect(await lease(run)).toEqual([]);
    expect(await run.broker.credits('run')).toBe(0);
    // Not one of them waits at the door.
    for (const id of leased) await run.broker.submit(group(id));
    expect(await lease(run)).toEqual([]);
  });

  test('which others who push do not take', async () => {
    const run = await openFixture({ ...byGroups, maxWaitingGroups: 6 });
    await order(run, 2);
    const leased = await lease(run);
    for (const id of ['a', 'b', 'c', 'd']) await run.broker.submit(group(id));
    const pushed = group('e');
    await expect(run.broker.submit(pushed)).rejects.toMatchObject({ reason: 'QUEUE_FULL' });
    for (const id of leased) await run.broker.submit(group(id));
    const room = run.broker.waitForRoom('run', never, pushed);
    await run.take();
    await room;
    await run.broker.submit(pushed);
  });

  test('and a worker that waits is served as soon as a batch makes room, or a place is given up', async () => {
    const run = await openFixture({ ...byGroups, maxWaitingGroups: 4 });
    await order(run, 20);
    const wait = (workerId: string) => {
      const request = { workerId, environments: ['env'], max: 9, waitMs: 9_000, signal: never };
      return run.broker.lease(request);
    };
    for (const id of await lease(run)) await run.broker.submit(group(id));
    const waiting = wait('one');
    await run.take();
    const leased = await waiting;
    expect(leased).toHaveLength(4);
    const next = wait('two');
    const failed = { runId: 'run', workerId: 'one', reason: 'x', permanent: true };
    await run.broker.failAssignment({ ...failed, assignmentId: leased[0]!.assignment.id });
    expect(await next).toHaveLength(1);
  });

  test('also past the limit, for what it takes to fill a batch', async () => {
    const run = await openFixture({ maxWaitingGroups: 1, batchSize: { kind: 'rows', rows: 8 } });
    await order(run, 20, 2);
    const leased = await lease(run);
    expect(leased).toHaveLength(4);
    for (const id of leased) await run.broker.submit(group(id, 2));
    expect((await run.take()).rows).toHaveLength(8);
  });

  test('by bytes as large as groups have been', async () => {
    const run = await openFixture(byGroups, { limits: { maxWaitingBytes: 20 } });
    await order(run, 20);
    await run.broker.submit(group('12345'));
    expect(await lease(run)).toHaveLength(3);
  });

  test('while other runs’ are, though they were ordered later', async () => {
    const run = await openFixture({ ...byGroups, maxWaitingGroups: 4 });
    await order(run, 20);
    const { settings } = await run.broker.getRun('run');
    await run.broker.openRun('other', settings, 0);
    await run.broker.enqueue([assignment('other', { runId: 'other' })]);
    expect(await lease(run)).toEqual(['g0', 'g1', 'g2', 'g3', 'other']);
  });

  test('and of a run that was restarted knows what plays by their leases', async () => {
    const run = await openFixture({ ...byGroups, maxWaitingGroups: 4 });
    await order(run, 9);
    expect(await lease(run)).toHaveLength(4);
    run.clock.advance(1_000);
    // Their leases are over: they are queued, and begun again in their turn.
    expect(await lease(run)).toHaveLength(4);
  });
});

describe('admission', () => {
  const cases: readonly {
    name: string;
    admission: RunSettings['admission'];
    maxStaleness: number;
    begun: number;
  }[] = [
    { name: 'strict', admission: { kind: 'strict' }, maxStaleness: 0, begun: 4 },
    { name: 'strict', admission: { kind: 'strict' }, maxStaleness: 2, begun: 12 },
    { name: 'soft', admission: { kind: 'soft', factor: 1.5 }, maxStaleness: 1, begun: 12 },
    { name: 'off', admission: { kind: 'off' }, maxStaleness: 0, begun: 50 },
  ];
  test.each(cases)('$name with max staleness $maxStaleness begins $begun groups', async (each) => {
    const { admission, maxStaleness, begun } = each;
    const run = await openFixture({ ...byGroups, admission, maxStaleness, maxWaitingGroups: 50 });
    await order(run, 100);
    expect(await run.broker.credits('run')).toBe(begun);
    expect(await lease(run)).toHaveLength(begun);
    expect(await run.broker.credits('run')).toBe(0);
  });

  test('begins a batch more with every version that a batch brought, and not for others', async () => {
    const strict = { admission: { kind: 'strict' }, maxStaleness: 1 } as const;
    const run = await openFixture({ ...byGroups, ...strict });
    await order(run, 100);
    for (const id of await lease(run)) await run.broker.submit(group(id));
    const batch = await run.take();
    expect(await lease(run)).toEqual([]);
    await run.ack(batch);
    expect(await lease(run)).toEqual([]);
    await run.broker.publishPolicyVersion('run', 1);
    expect(await lease(run)).toHaveLength(4);
    // What is begun is in no batch, so a version that no batch brought makes no room.
    await run.broker.publishPolicyVersion('run', 1_000);
    expect((await run.broker.status('run')).droppedGroups).toEqual({ stale: 4 });
    expect(await lease(run)).toHaveLength(4);
  });

  test('counts by rows what orders say, and by tokens what groups have been', async () => {
    const strict = { admission: { kind: 'strict' }, maxStaleness: 0 } as const;
    const rows = await openFixture({ ...strict, batchSize: { kind: 'rows', rows: 16 } });
    await order(rows, 100, 5);
    expect(await lease(rows)).toHaveLength(3);
    const tokens = await openFixture({ ...strict, batchSize: { kind: 'tokens', tokens: 100 } });
    await order(tokens, 100, 5);
    const first = await lease(tokens);
    expect(first).toHaveLength(1);
    await tokens.broker.submit(group(first[0]!, [10, 10]));
    expect(await lease(tokens)).toHaveLength(4);
  });

  test('never refuses a group that is done', async () => {
    const strict = { admission: { kind: 'strict' }, maxStaleness: 0 } as const;
    const { broker } = await openFixture({ ...byGroups, ...strict });
    for (let index = 0; index < 20; index += 1) await broker.submit(group(`g${index}`));
    expect(await broker.credits('run')).toBe(0);
  });

  test('fills a batch for a trainer that waits without one and publishes nothing', async () => {
    const strict = { admission: { kind: 'strict' }, maxStaleness: 0 } as const;
    const run = await openFixture({ ...byGroups, ...strict });
    await order(run, 100);
    for (const id of await lease(run)) await run.broker.submit(group(id));
    await run.ack(await run.take());
    const begun = run.broker.lease({
      ...{ workerId: 'worker', environments: ['env'], max: 100, waitMs: 60_000, signal: never },
    });
    const batch = run.broker.nextBatch({
      ...{ runId: 'run', consumerId: 'trainer', rank: 0, waitMs: undefined, signal: never },
    });
    run.clock.advance(5_000);
    const leases = await begun;
    expect(leases).toHaveLength(4);
    for (const one of leases) await run.broker.submit(group(one.assignment.id));
    expect(await batch).toMatchObject({ kind: 'batch' });
  });

  describe('where each batch brings a version', () => {
    interface World {
      readonly admission: RunSettings['admission'];
      readonly maxStaleness: number;
      readonly durations: readonly number[];
      readonly workers: number;
      readonly trainMs: number;
    }

    /** Plays and trains for a while; says what was trained and what was thrown away as stale. */
    async function play(world: World): Promise<{ readonly trained: number; stale: number }> {
      const { admission, maxStaleness, durations, workers, trainMs } = world;
      const leases = { assignmentLeaseMs: 1e6, batchLeaseMs: 1e6 };
      const run = await openFixture({ ...byGroups, admission, maxStaleness }, leases);
      await order(run, durations.length);
      let version = 0;
      let playing: { id: string; version: number; doneMs: number }[] = [];
      let training: { doneMs: number; batch: Awaited<ReturnType<Fixture['take']>> } | undefined;
      for (let nowMs = 0; nowMs < 300; nowMs += 1) {
        for (const { id, version: at } of playing.filter(({ doneMs }) => doneMs <= nowMs)) {
          await run.broker.submit(group(id, 1, { oldestPolicyVersion: at }));
        }
        playing = playing.filter(({ doneMs }) => doneMs > nowMs);
        if (training !== undefined && training.doneMs <= nowMs) {
          version += 1;
          await run.broker.publishPolicyVersion('run', version);
          await run.ack(training.batch);
          training = undefined;
        }
        if (training === undefined) {
          const next = await run.next();
          if (next.kind === 'batch') training = { doneMs: nowMs + trainMs, batch: next.batch };
        }
        for (const id of await lease(run, workers - playing.length)) {
          playing.push({ id, version, doneMs: nowMs + durations[Number(id.slice(1))]! });
        }
      }
      const { droppedGroups, run: state } = await run.broker.status('run');
      return { trained: state.step * 4, stale: droppedGroups['stale'] ?? 0 };
    }

    const world = {
      maxStaleness: fc.nat({ max: 3 }),
      workers: fc.integer({ min: 1, max: 40 }),
      trainMs: fc.integer({ min: 1, max: 9 }),
    };

    test('strict wastes nothing that takes as long as any other', async () => {
      let all = 0;
      const worlds = fc.record({ ...world, durationMs: fc.integer({ min: 1, max: 20 }) });
      await fc.assert(
        fc.asyncProperty(worlds, async ({ durationMs, ...rest }) => {
          const durations = new Array<number>(120).fill(durationMs);
          const { trained, stale } = await play({
            ...{ ...rest, durations, admission: { kind: 'strict' } },
          });
          expect(stale).toBe(0);
          all += trained;
        }),
        { numRuns: 40 },
      );
      expect(all).toBeGreaterThan(1_000);
    });

    test('strict wastes stragglers alone, and far less than is wasted without', async () => {
      const stale = { strict: 0, off: 0 };
      let trained = 0;
      const durations = fc.array(fc.integer({ min: 1, max: 9 }), {
        minLength: 120,
        maxLength: 120,
      });
      await fc.assert(
        fc.asyncProperty(fc.record({ ...world, durations }), async (one) => {
          const strict = await play({ ...one, admission: { kind: 'strict' } });
          stale.strict += strict.stale;
          stale.off += (await play({ ...one, admission: { kind: 'off' } })).stale;
          trained += strict.trained;
        }),
        { numRuns: 40 },
      );
      expect(stale.strict).toBeLessThan(0.1 * trained);
      expect(stale.strict).toBeLessThan(0.2 * stale.off);
    });
  });
});
