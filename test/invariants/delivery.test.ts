import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type Batch,
  type Broker,
  createMemoryBroker,
  type MemoryBrokerOptions,
  type NextBatch,
  openDurableBroker,
} from '../../src/broker/index.ts';
import { errorMessage, LachesisError } from '../../src/errors.ts';
import { BrokerModel, type ModelConsumer } from '../broker/support/broker-model.ts';
import { firstInOrder, inTakingOrder, type Packable } from '../broker/support/first-in-order.ts';
import { never } from '../broker/support/fixture.ts';
import { assignment, group, settings } from '../broker/support/groups.ts';
import { ManualClock } from '../broker/support/manual-clock.ts';
import { MapStore } from '../broker/support/map-store.ts';
import { PowerLossStore } from '../broker/support/power-loss-store.ts';

const TARGET = 6;
const LEASE_MS = 100;

const consumers: readonly ModelConsumer[] = [
  { id: 'one', worldSize: 2, mode: 'compete' },
  { id: 'two', worldSize: 1, mode: 'compete' },
  { id: 'archive', worldSize: 1, mode: 'fan_out' },
  { id: 'eval', worldSize: 2, mode: 'fan_out' },
];

type Step =
  | { readonly kind: 'submit'; readonly id: number; readonly rows: number; readonly behind: number }
  | { readonly kind: 'next'; readonly who: number; readonly rank: number }
  | {
      readonly kind: 'ack' | 'nack' | 'extend';
      readonly who: number;
      readonly rank: number;
      readonly which: number;
      /** Of which delivery it says that it is; undefined for not at all. */
      readonly before: number | undefined;
    }
  | { readonly kind: 'publish'; readonly by: number }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'commit' | 'rewind'; readonly who: number; readonly back: number }
  | { readonly kind: 'unregister' | 'rejoin'; readonly who: number }
  | { readonly kind: 'crash' }
  | { readonly kind: 'damage'; readonly of: 'waiting' | 'all'; readonly back: number };

const who = fc.nat({ max: consumers.length - 1 });
const rank = fc.nat({ max: 1 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('submit'),
      id: fc.nat({ max: 60 }),
      rows: fc.integer({ min: 1, max: TARGET }),
      behind: fc.nat({ max: 3 }),
    }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('next'), who, rank }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom('ack', 'ack', 'ack', 'nack', 'extend'),
      who,
      rank,
      which: fc.nat({ max: 3 }),
      before: fc.constantFrom(undefined, 0, 0, 1),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('publish'), by: fc.integer({ min: -1, max: 2 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('pass'), ms: fc.constantFrom(1, 99, 100, 250) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom('commit', 'rewind'),
      who,
      back: fc.integer({ min: -1, max: 4 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom('unregister', 'rejoin', 'rejoin'), who }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash') }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('damage'),
      of: fc.constantFrom('waiting', 'all'),
      back: fc.nat({ max: 12 }),
    }),
  },
);

/** What the outcome of a call is compared by: its value, or why it was refused. */
async function outcomeOf<T>(call: Promise<T>): Promise<T | string> {
  try {
    return await call;
  } catch (error) {
    return error instanceof LachesisError ? error.reason : errorMessage(error);
  }
}

/** A broker, and how it is opened again after its process died; one in memory does not die. */
const BROKERS: Readonly<Record<string, (options: MemoryBrokerOptions) => Reopenable>> = {
  memory: (options) => {
    const broker = createMemoryBroker(options);
    return { open: () => broker, survives: false, damage: () => {} };
  },
  durable: (options) => {
    const store = new MapStore();
    return {
      open: () => openDurableBroker({ ...options, store: store.reopened() }),
      survives: true,
      damage: (id) => store.damage(id),
    };
  },
  'durable, without power': (options) => {
    const store = new PowerLossStore();
    return {
      open: () => openDurableBroker({ ...options, store: store.reopened() }),
      survives: true,
      damage: (id) => store.damage(id),
    };
  },
};

interface Reopenable {
  readonly open: () => Broker;
  readonly survives: boolean;
  /** The bytes that are kept of a group are no more what was stored. */
  readonly damage: (id: string) => void;
}

test.each(Object.entries(BROKERS))(
  'no group is lost or in two batches, and each delivery is the one before: the %s broker does as its model does',
  async (_, make) => {
    const run = fc.record({
      steps: fc.array(step, { minLength: 20, maxLength: 150 }),
      maxStaleness: fc.constantFrom(undefined, 0, 2),
    });
    await fc.assert(
      fc.asyncProperty(run, async ({ steps, maxStaleness }) => {
        const fixed = { maxStaleness, maxWaiting: 8, leaseMs: LEASE_MS, maxOpen: 3, consumers };
        const model = new BrokerModel({ ...fixed, target: TARGET });
        const clock = new ManualClock(0);
        const limits = { maxOpenBatches: 3 };
        const { open, survives, damage } = make({ clock, batchLeaseMs: LEASE_MS, limits });
        let broker = open();
        const batchSize = { kind: 'rows', rows: TARGET } as const;
        await broker.openRun('run', settings({ batchSize, maxStaleness, maxWaitingGroups: 8 }), 0);
        for (const { id: consumerId, worldSize, mode } of consumers) {
          await broker.registerConsumer({ runId: 'run', consumerId, worldSize, mode });
        }
        const seen = new Map<string, Batch>();

        for (const taken of steps) {
          switch (taken.kind) {
            case 'submit': {
              const version = Math.max(0, model.version - taken.behind);
              const id = `g${taken.id}`;
              const expected = model.submit({ id, rows: taken.rows, version });
              const given = group(id, taken.rows, { oldestPolicyVersion: version });
              const outcome = await outcomeOf(broker.submit(given));
              if (expected === 'full') expect(outcome).toMatch(/^QUEUE_/);
              else expect(outcome).toMatchObject({ kind: expected });
              break;
            }
            case 'next': {
              const consumer = consumers[taken.who]!;
              const at = taken.rank % consumer.worldSize;
              const asked = broker.nextBatch({
                runId: 'run',
                consumerId: consumer.id,
                rank: at,
                waitMs: 0,
                signal: never,
              });
              if (model.isGone(consumer)) {
                expect(await outcomeOf(asked)).toBe('CONSUMER_UNREGISTERED');
                break;
              }
              const expected = model.next(consumer, at);
              const answer: NextBatch = await asked;
              expect(answer.kind).toBe(expected === undefined ? 'none' : 'batch');
              if (answer.kind === 'none' || expected === undefined) break;
              const { batch } = answer;
              expect(batch.delivery).toBe(expected.delivery);
              expect(batch.step).toBe(expected.batch.step);
              expect(batch.policyVersion).toBe(expected.batch.policyVersion);
              expect(batch.groups.map(({ id }) => id)).toEqual(expected.batch.ids);
              expect(batch.rows).toHaveLength(TARGET);
              const key = `${batch.id} over ${consumer.worldSize}`;
              const before = seen.get(key);
              if (before !== undefined)
                expect({ ...batch, delivery: before.delivery }).toEqual(before);
              for (const other of seen.values()) {
                if (other.id === batch.id) expect(other.digest).toEqual(batch.digest);
              }
              seen.set(key, batch);
              break;
            }
            case 'ack':
            case 'nack':
            case 'extend': {
              const consumer = consumers[taken.who]!;
              const at = taken.rank % consumer.worldSize;
              const batch = model.cut.at(-1 - taken.which);
              if (batch === undefined) break;
              const batchId = [...seen.values()].find((known) => known.step === batch.step)!.id;
              const key = { runId: 'run', consumerId: consumer.id, batchId, rank: at };
              const delivery =
                taken.before === undefined
                  ? 0
                  : Math.max(0, model.deliveryOf(consumer, batch) - taken.before);
              const request = { ...key, delivery };
              if (model.isGone(consumer)) {
                const refused = await outcomeOf(broker.ackBatch(request));
                expect(refused).toBe('CONSUMER_UNREGISTERED');
              } else if (model.givenUp.has(batch)) {
                const call = {
                  ack: () => broker.ackBatch(request),
                  nack: () => broker.nackBatch({ ...request, reason: 'no reason' }),
                  extend: () => broker.extendBatch(request),
                }[taken.kind];
                const again = taken.kind === 'ack' && model.wasDone(consumer, batch);
                const expected = again ? { complete: true, step: model.step } : 'BATCH_GIVEN_UP';
                expect(await outcomeOf<unknown>(call())).toEqual(expected);
              } else if (taken.kind === 'ack') {
                const complete = model.ack(consumer, batch, at, delivery);
                const expected =
                  complete === undefined ? 'STALE_LEASE' : { complete, step: model.step };
                expect(await outcomeOf(broker.ackBatch(request))).toEqual(expected);
              } else if (taken.kind === 'nack') {
                const expected = model.nack(consumer, batch, delivery) ? undefined : 'STALE_LEASE';
                const reason = 'no reason';
                expect(await outcomeOf(broker.nackBatch({ ...request, reason }))).toBe(expected);
              } else {
                const held = model.extend(consumer, batch, delivery);
                const expected = held ? { leaseMs: LEASE_MS } : 'STALE_LEASE';
                expect(await outcomeOf(broker.extendBatch(request))).toEqual(expected);
              }
              break;
            }
            case 'publish': {
              const version = model.version + taken.by;
              const expected = model.publish(version) === 'ok' ? version : 'POLICY_VERSION_BEHIND';
              expect(await outcomeOf(broker.publishPolicyVersion('run', version))).toBe(expected);
              break;
            }
            case 'pass':
              model.nowMs += taken.ms;
              clock.advance(taken.ms);
              break;
            case 'commit':
            case 'rewind': {
              const consumer = consumers[taken.who]!;
              const at = Math.max(0, model.cut.length - taken.back);
              const request = { runId: 'run', consumerId: consumer.id, step: at };
              if (model.isGone(consumer)) {
                const refused = await outcomeOf(broker.rewindToStep(request));
                expect(refused).toBe('CONSUMER_UNREGISTERED');
              } else if (taken.kind === 'commit') {
                const expected = model.commit(consumer, at) === 'ok' ? undefined : 'STEP_NOT_ACKED';
                expect(await outcomeOf(broker.commitStep(request))).toBe(expected);
              } else {
                const batches = model.rewind(consumer, at);
                const expected = batches === undefined ? 'STEP_NOT_ACKED' : { batches };
                expect(await outcomeOf(broker.rewindToStep(request))).toEqual(expected);
              }
              break;
            }
            case 'unregister': {
              const consumer = consumers[taken.who]!;
              const released = model.unregister(consumer);
              const key = { runId: 'run', consumerId: consumer.id };
              expect(await broker.unregisterConsumer(key)).toEqual({
                existed: released !== undefined,
                released: released ?? 0,
              });
              break;
            }
            case 'rejoin': {
              const { id, worldSize, mode } = consumers[taken.who]!;
              const again = { runId: 'run', consumerId: id, worldSize, mode };
              if (model.isGone(consumers[taken.who]!)) {
                const refused = await outcomeOf(broker.registerConsumer(again));
                expect(refused).toBe('CONSUMER_UNREGISTERED');
              }
              model.rejoin(consumers[taken.who]!);
              const { step } = await broker.registerConsumer({ ...again, rejoin: true });
              expect(step).toBe(model.stepOf(consumers[taken.who]!));
              break;
            }
            case 'damage': {
              // Of one that was read before the crash, nobody would look again before it.
              const waiting = model.waiting.map((one) => one.id);
              const id = (taken.of === 'waiting' ? waiting : [...model.accepted]).at(
                -1 - taken.back,
              );
              if (!survives || id === undefined) break;
              damage(id);
              model.damaged.add(id);
              broker = open();
              model.reopen();
              break;
            }
            case 'crash':
              if (!survives) break;
              // Not closed: what is not in the store yet is gone.
              broker = open();
              model.reopen();
          }
          const status = await broker.status('run');
          expect(status).toMatchObject({
            run: { step: model.step, policyVersion: model.version },
            acceptedGroups: model.acceptedGroups,
            waitingGroups: model.waiting.length,
            waitingRows: model.waiting.reduce((rows, waiting) => rows + waiting.rows, 0),
            leasedBatches: model.open.length,
            givenUpBatches: model.givenUp.size,
            waitingByStaleness: model.staleness().waiting,
            trainedByStaleness: model.staleness().trained,
          });
          const standings = status.consumers.first.map(({ consumerId, step }) => [
            consumerId,
            step,
          ]);
          expect(Object.fromEntries(standings)).toEqual(
            Object.fromEntries(model.consumers.map((one) => [one.id, model.stepOf(one)])),
          );
          expect(status.droppedGroups).toEqual(model.dropped);
          // One that was shown and never was leaves a place that is not filled again.
          if (model.cut.length < 32) expect(status.recentBatches).toBe(model.cut.length);
          const inBatches = model.cut.flatMap(({ ids }) => ids);
          const share = status.shares.first[0];
          expect(share?.waitingGroups ?? 0).toBe(model.waiting.length);
          if (model.cut.length <= 32) expect(share?.recentGroups ?? 0).toBe(inBatches.length);
          expect(new Set(inBatches).size).toBe(inBatches.length);
          expect(status.waitingGroups + inBatches.length + model.stale + model.lost).toBe(
            status.acceptedGroups,
          );
          expect(clock.timers).toBe(0);
        }
        await broker.close();
      }),
      { numRuns: 250 },
    );
  },
);

test('a consumer that waits is served by the very submit that makes an exact batch possible', async () => {
  const submits = fc.array(fc.integer({ min: 1, max: 10 }), { minLength: 1, maxLength: 25 });
  await fc.assert(
    fc.asyncProperty(submits, async (sizes) => {
      const broker = createMemoryBroker({ clock: new ManualClock() });
      await broker.openRun('run', settings({ batchSize: { kind: 'rows', rows: 10 } }), 0);
      const trainer = { runId: 'run', consumerId: 'trainer' };
      await broker.registerConsumer({ ...trainer, worldSize: 1, mode: 'compete' });
      const wait = () =>
        broker.nextBatch({ ...trainer, rank: 0, waitMs: undefined, signal: never });
      let waiting: Packable[] = [];
      let batch = wait();
      for (const [index, rows] of sizes.entries()) {
        waiting.push({ id: `g${index}`, rows, version: 0 });
        await broker.submit(group(`g${index}`, rows));
        const expected = firstInOrder(inTakingOrder(waiting), 10);
        if (expected === undefined) continue;
        const answer = await batch;
        if (answer.kind === 'none') throw new Error('the wait ended without a batch');
        expect(answer.batch.groups.map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
        waiting = waiting.filter((one) => !expected.includes(one));
        await broker.ackBatch({ ...trainer, batchId: answer.batch.id, rank: 0 });
        batch = wait();
      }
      await broker.close();
      expect(await batch).toMatchObject({ kind: 'none' });
    }),
  );
});

type WorkStep =
  | {
      readonly kind: 'enqueue' | 'lease' | 'again' | 'submit' | 'fail' | 'kill' | 'extend';
      readonly id: number;
      readonly runId: string;
    }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'close'; readonly runId: string }
  | { readonly kind: 'crash' };

/** Runs that use the same ids. */
const RUNS = ['one', 'two'] as const;

const runOf = (name: string): string => name.split(' ')[0]!;

test('an assignment is open, stored, given up or ended with its run, and one of these alone, whoever dies and whenever', async () => {
  const id = fc.nat({ max: 9 });
  const runId = fc.constantFrom(...RUNS);
  const anyStep: fc.Arbitrary<WorkStep> = fc.oneof(
    {
      weight: 10,
      arbitrary: fc.record({
        kind: fc.constantFrom(
          ...(['enqueue', 'lease', 'lease', 'again', 'submit', 'fail', 'kill', 'extend'] as const),
        ),
        id,
        runId,
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('pass'), ms: fc.constantFrom(1, 99, 100) }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('crash') }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('close'), runId }) },
  );
  const steps = fc.array(anyStep, { minLength: 10, maxLength: 80 });
  await fc.assert(
    fc.asyncProperty(steps, async (taken) => {
      const store = new MapStore();
      const clock = new ManualClock(0);
      const options = { clock, assignmentLeaseMs: LEASE_MS, maxAssignmentAttempts: 2 };
      let broker = openDurableBroker({ ...options, store: store.reopened() });
      for (const run of RUNS) {
        await broker.openRun(run, settings({ batchSize: { kind: 'groups', groups: 99 } }), 0);
      }
      const ordered = new Set<string>();
      const stored = new Set<string>();
      const closed = new Set<string>();
      /** What each worker's latest request leased, while it has not spoken of it. */
      const unconfirmed = new Map<
        string,
        { requestId: string; leased: Map<string, { attempt: number; untilMs: number }> }
      >();
      const settle = (name: string) => {
        for (const { leased } of unconfirmed.values()) leased.delete(name);
      };
      let requests = 0;
      for (const step of taken) {
        if (step.kind === 'pass') clock.advance(step.ms);
        else if (step.kind === 'crash') {
          broker = openDurableBroker({ ...options, store: store.reopened() });
          // Who holds what is written later: a crash may take it back, and what was leased is leased anew.
          unconfirmed.clear();
        } else if (step.kind === 'close') {
          await broker.closeRun(step.runId);
          closed.add(step.runId);
        } else {
          const { runId: run } = step;
          const assignmentId = `a${step.id}`;
          const name = `${run} ${assignmentId}`;
          const workerId = `w${step.id % 2}`;
          const key = { runId: run, assignmentId };
          if (step.kind === 'enqueue') {
            const outcome = await outcomeOf(
              broker.enqueue([assignment(assignmentId, { runId: run })]),
            );
            if (closed.has(run)) expect(outcome).toBe('RUN_CLOSED');
            else ordered.add(name);
          } else if (step.kind === 'lease' || step.kind === 'again') {
            const last = step.kind === 'again' ? unconfirmed.get(workerId) : undefined;
            requests += 1;
            const requestId = last?.requestId ?? `request-${requests}`;
            const request = { workerId, environments: ['env'], max: 2, waitMs: 0, signal: never };
            const leases = await broker.lease({ ...request, requestId });
            const leased = new Map(
              leases.map((lease) => [
                `${lease.assignment.runId} ${lease.assignment.id}`,
                { attempt: lease.attempt, untilMs: clock.nowMs() + lease.leaseMs },
              ]),
            );
            const before = [...(last?.leased ?? [])].filter(
              ([one, { untilMs }]) => untilMs > clock.nowMs() && !closed.has(runOf(one)),
            );
            // The same with the same ends, and nothing beside them.
            if (before.length > 0) expect([...leased]).toEqual(before);
            unconfirmed.set(workerId, { requestId, leased });
          } else if (step.kind === 'extend') {
            await broker.extend(workerId, [key]);
            settle(name);
          } else if (step.kind === 'submit') {
            const outcome = await outcomeOf(broker.submit(group(assignmentId, 1, { runId: run })));
            if (stored.has(name)) expect(outcome).toMatchObject({ kind: 'duplicate' });
            else if (closed.has(run)) expect(outcome).toBe('RUN_CLOSED');
            else {
              expect(outcome).toMatchObject({ kind: 'stored' });
              stored.add(name);
            }
            settle(name);
          } else {
            const permanent = step.kind === 'kill';
            await broker.failAssignment({ ...key, workerId, reason: 'no', permanent });
            settle(name);
          }
        }
        const statuses = await Promise.all(RUNS.map((run) => broker.status(run)));
        const open: string[] = [];
        broker
          .followAssignments(({ assignment: { runId: run, id: one } }) =>
            open.push(`${run} ${one}`),
          )
          [Symbol.dispose]();
        const places = [...open, ...stored];
        for (const [index, run] of RUNS.entries()) {
          const letters = await broker.deadLetters(run);
          places.push(...letters.map((letter) => `${run} ${letter.assignmentId}`));
          const openOfRun = open.filter((one) => runOf(one) === run).length;
          expect(statuses[index]?.openAssignments).toBe(openOfRun);
          if (closed.has(run)) expect(openOfRun).toBe(0);
        }
        expect(new Set(places).size).toBe(places.length);
        const known = [...ordered, ...stored];
        expect(known).toEqual(expect.arrayContaining(places));
        // What ended with its run is nowhere.
        const missing = known.filter((one) => !places.includes(one));
        expect(missing.filter((one) => !closed.has(runOf(one)))).toEqual([]);
        expect(clock.timers).toBe(0);
      }
    }),
    { numRuns: 150 },
  );
});
