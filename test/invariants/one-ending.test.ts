import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Limiter } from '../../src/async/index.ts';
import type { RolloutProgress } from '../../src/contract/index.ts';
import { defineEnvironment, hostEnvironment, playGroup } from '../../src/environment/index.ts';
import { LachesisError } from '../../src/errors.ts';
import { createWorker } from '../../src/worker/index.ts';
import { type FakeReply, fakeModelServer } from '../environment/fake-model-server.ts';
import { assignment, fakePlane } from '../worker/fake-plane.ts';

/** What can go wrong in one rollout, and when. */
const fates = [
  'well',
  'setup throws',
  'prompt throws',
  'model fails',
  'model hangs',
  'tool throws',
  'reward throws',
  'reward hangs',
  'reward is NaN',
  'teardown throws',
] as const;
type Fate = (typeof fates)[number];

const boom = (): never => {
  throw new Error('boom');
};

/** An environment whose rollouts meet the fate that `fateOf` has for them. */
function fatefulEnvironment(fateOf: (rolloutId: string) => Fate, hasGroupReward: boolean) {
  return hostEnvironment(
    defineEnvironment({
      name: 'test',
      tasks: [{ data: 0 }],
      setup: (_, { rolloutId }) => {
        if (fateOf(rolloutId) === 'setup throws') boom();
        return fateOf(rolloutId);
      },
      prompt: (_, { state }) => (state === 'prompt throws' ? boom() : 'x'),
      tools: [
        {
          definition: { name: 'tool', description: '', parameters: { type: 'object' } },
          execute: async () => boom(),
        },
      ],
      reward: ({ state }) => {
        if (state === 'reward throws') boom();
        if (state === 'reward hangs') return new Promise<number>(() => {});
        return state === 'reward is NaN' ? Number.NaN : 1;
      },
      rewardTimeoutMs: 20,
      timeoutMs: 40,
      teardown: (state) => {
        if (state === 'teardown throws') boom();
      },
      ...(hasGroupReward ? { groupReward: (rollouts) => rollouts.map(() => 2) } : {}),
    }),
  );
}

function reply(fate: Fate, call: number): FakeReply {
  if (fate === 'model fails') {
    return { error: new LachesisError('model_error', 'no', { reason: 'NO' }) };
  }
  if (fate === 'model hangs') return { hang: true };
  if (fate === 'tool throws' && call === 1) return { call: { name: 'tool', args: {} } };
  return { text: 'ok' };
}

function checkEndings(events: readonly RolloutProgress[]): void {
  const phase = new Map<string, 'started' | 'finished'>();
  for (const { kind, rolloutId } of events) {
    switch (kind) {
      case 'started':
        expect(phase.has(rolloutId), `${rolloutId} started twice`).toBe(false);
        phase.set(rolloutId, 'started');
        break;
      case 'turn':
        expect(phase.get(rolloutId), `${rolloutId} had a turn outside of its life`).toBe('started');
        break;
      case 'finished':
        expect(phase.get(rolloutId), `${rolloutId} finished twice or unborn`).toBe('started');
        phase.set(rolloutId, 'finished');
        break;
    }
  }
  expect([...phase.values()].every((last) => last === 'finished')).toBe(true);
}

it('every rollout of a group has one ending, whatever fails and whenever it is cancelled', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(...fates), { minLength: 1, maxLength: 5 }),
      fc.option(fc.nat(12), { nil: undefined }),
      fc.integer({ min: 1, max: 5 }),
      fc.boolean(),
      async (all, cancelAtEvent, places, hasGroupReward) => {
        const fateOf = (id: string): Fate => all[Number(id.split('.')[1])] ?? 'well';
        const events: RolloutProgress[] = [];
        const cancel = new AbortController();
        const group = await playGroup({
          environment: await fatefulEnvironment(fateOf, hasGroupReward),
          modelServer: fakeModelServer((id, call) => reply(fateOf(id), call)),
          task: { key: '0', split: '', data: 0 },
          groupId: 'g',
          groupSize: all.length,
          limiter: new Limiter(places),
          onProgress: (event) => {
            events.push(event);
            if (events.length === cancelAtEvent) cancel.abort(new Error('enough'));
          },
          signal: cancel.signal,
        });
        checkEndings(events);
        const finished = events.filter(({ kind }) => kind === 'finished');
        expect(finished).toHaveLength(all.length);
        expect(group.rollouts.map(({ index }) => index)).toEqual(all.map((_, i) => i));
        // What the watcher was told is what the group holds.
        for (const rollout of group.rollouts) {
          const told = finished.find(({ rolloutId }) => rolloutId === rollout.id);
          expect(told?.kind === 'finished' && told.rollout).toBe(rollout);
        }
      },
    ),
    { numRuns: 60 },
  );
});

it('every rollout that a worker began has one ending, also when the worker is stopped', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(...fates), { minLength: 1, maxLength: 6 }),
      fc.nat(30),
      async (all, stopAtEvent) => {
        const fateOf = (id: string): Fate => all[Number(id.slice(1).split('.')[0])] ?? 'well';
        const plane = fakePlane(all.map((_, i) => assignment(`a${i}`)));
        const stop = new AbortController();
        const environment = await fatefulEnvironment(fateOf, false);
        const modelServer = fakeModelServer((id, call) => reply(fateOf(id), call));
        await using worker = createWorker({
          environments: new Map([['test', environment]]),
          modelServerFor: () => modelServer,
          plane: {
            ...plane,
            progress: (event, runId) => {
              plane.progress(event, runId);
              if (plane.events.length === stopAtEvent) stop.abort();
            },
          },
          workerId: 'w',
          concurrency: 4,
          drainMs: 0,
        });
        const running = worker.run(stop.signal);
        await Promise.race([running, plane.ended(all.length)]);
        stop.abort();
        await running;
        checkEndings(plane.events);
        // Each assignment is in one place: never begun, submitted, or given back.
        const ended = [...plane.submitted.map(({ id }) => id), ...plane.failed.map(({ id }) => id)];
        expect(new Set(ended).size).toBe(ended.length);
        expect(ended.length + plane.queue.length).toBe(all.length);
      },
    ),
    { numRuns: 40 },
  );
});
