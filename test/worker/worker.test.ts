import { describe, expect, it } from 'vitest';
import {
  defineEnvironment,
  type EnvironmentDefinition,
  hostEnvironment,
} from '../../src/environment/index.ts';
import { LachesisError } from '../../src/errors.ts';
import type { ModelServer } from '../../src/models/index.ts';
import { createWorker, playAssignment, type WorkerOptions } from '../../src/worker/index.ts';
import { fakeModelServer } from '../environment/fake-model-server.ts';
import { assignment, type FakePlane, fakePlane } from './fake-plane.ts';

async function environmentOf(part: Partial<EnvironmentDefinition> = {}) {
  const definition = {
    name: 'test',
    tasks: [{ data: 0 }],
    prompt: () => 'x',
    reward: () => 1,
    ...part,
  };
  return hostEnvironment(defineEnvironment(definition as EnvironmentDefinition));
}

/** A worker at work; disposing of it stops it. */
async function working(
  plane: FakePlane,
  part: {
    readonly environment?: Partial<EnvironmentDefinition>;
    readonly modelServer?: ModelServer;
    readonly options?: Partial<WorkerOptions>;
  } = {},
) {
  const environment = await environmentOf(part.environment);
  const modelServer = part.modelServer ?? fakeModelServer(() => ({ text: 'ok' }));
  const worker = createWorker({
    environments: new Map([['test', environment]]),
    modelServerFor: () => modelServer,
    plane,
    workerId: 'w',
    drainMs: 0,
    ...part.options,
  });
  const running = worker.run(new AbortController().signal);
  return { worker, running };
}

function ids(plane: FakePlane, kind: 'started' | 'finished'): string[] {
  return plane.events
    .filter((event) => event.kind === kind)
    .map(({ rolloutId }) => rolloutId)
    .sort();
}

describe('createWorker', () => {
  it('leases, plays and submits, stamped with the announced policy version', async () => {
    const plane = fakePlane([assignment('a'), assignment('b')]);
    const { worker } = await working(plane);
    await using _ = worker;
    await plane.ended(2);
    expect(plane.submitted.map(({ id }) => id).sort()).toEqual(['a', 'b']);
    const [rollout] = plane.submitted[0]?.rollouts ?? [];
    expect(rollout?.segments[0]?.policyVersions).toEqual([{ length: 2, announcedVersion: 7 }]);
    expect(rollout?.provenance.workerId).toBe('w');
    expect(ids(plane, 'finished')).toEqual(['a.0', 'a.1', 'b.0', 'b.1']);
  });

  it('keeps to its number of rollouts in flight over all groups', async () => {
    let now = 0;
    let most = 0;
    const plane = fakePlane(Array.from({ length: 6 }, (_, i) => assignment(`a${i}`)));
    const { worker } = await working(plane, {
      options: { concurrency: 3 },
      environment: {
        setup: async () => {
          now += 1;
          most = Math.max(most, now);
          await new Promise((resolve) => setTimeout(resolve, 1));
        },
        teardown: () => {
          now -= 1;
        },
      },
    });
    await using _ = worker;
    await plane.ended(6);
    expect(most).toBe(3);
  });

  it('orders the backlog of a group before it submits it, under the same ids each time', async () => {
    const environment = { backlog: () => [{ data: 1 }, { key: 'k', data: 2 }] };
    const played = async () => {
      let orderedFirst = false;
      const plane = fakePlane([assignment('a')], {
        submit: () => {
          orderedFirst = plane.ordered.length === 2;
        },
      });
      const { worker } = await working(plane, { environment });
      await using _ = worker;
      await plane.ended(1);
      expect(orderedFirst).toBe(true);
      return plane.ordered;
    };
    const ordered = await played();
    expect(ordered).toEqual(await played());
    expect(ordered).toMatchObject([
      { id: expect.stringMatching(/^run-backlog-/), runId: 'run', groupSize: 2 },
      { task: { kind: 'given', task: { key: 'k', split: '', data: 2 } } },
    ]);
  });

  it('submits a group whose backlog has no room', async () => {
    const plane = fakePlane([assignment('a')], {
      order: () => {
        throw new LachesisError('resource_exhausted', 'full', { reason: 'FULL' });
      },
    });
    const { worker } = await working(plane, { environment: { backlog: () => [{ data: 1 }] } });
    await using _ = worker;
    await plane.ended(1);
    expect(plane.submitted).toHaveLength(1);
  });

  it('gives back a group that nobody could score, for good when it would end so again', async () => {
    const plane = fakePlane([
      assignment('a'),
      assignment('b', { task: { kind: 'key', key: '9' } }),
    ]);
    const { worker } = await working(plane, {
      environment: {
        reward: () => {
          throw new Error('bug');
        },
      },
    });
    await using _ = worker;
    await plane.ended(2);
    expect(plane.failed).toMatchObject([
      { id: expect.any(String), permanent: true, error: { reason: expect.any(String) } },
      { permanent: true },
    ]);
    expect(plane.failed.find(({ id }) => id === 'b')?.error).toMatchObject({
      reason: 'TASK_NOT_FOUND',
    });
    expect(ids(plane, 'finished')).toEqual(ids(plane, 'started'));
    expect(ids(plane, 'finished')).toHaveLength(4);
  });

  it('gives back for another try when the infrastructure failed', async () => {
    const error = new LachesisError('infrastructure_error', 'engine down', { reason: 'DOWN' });
    const plane = fakePlane([assignment('a')]);
    const { worker } = await working(plane, { modelServer: fakeModelServer(() => ({ error })) });
    await using _ = worker;
    await plane.ended(1);
    expect(plane.failed).toMatchObject([{ id: 'a', permanent: false }]);
  });

  it('tries a submit again while the plane can not take it, and gives up when it is refused', async () => {
    const busy = new LachesisError('resource_exhausted', 'full', {
      reason: 'FULL',
      retryAfterMs: 1,
    });
    const plane = fakePlane([assignment('a')], {
      submit: (_, attempt) => {
        if (attempt < 3) throw busy;
      },
    });
    const { worker } = await working(plane);
    await plane.ended(1);
    expect(plane.submitted).toHaveLength(1);
    await worker[Symbol.asyncDispose]();

    const refusing = fakePlane([assignment('a')], {
      submit: () => {
        throw new LachesisError('invalid_input', 'no', { reason: 'BAD' });
      },
    });
    const second = await working(refusing);
    await using _ = second.worker;
    await refusing.ended(1);
    expect(refusing.failed).toMatchObject([{ id: 'a', permanent: true, error: { reason: 'BAD' } }]);
  });

  it('keeps its leases, and stops playing what it lost without a word', async () => {
    const plane = fakePlane([assignment('a')], { leaseMs: 9 });
    const { worker } = await working(plane, {
      modelServer: fakeModelServer(() => ({ hang: true })),
    });
    await using _ = worker;
    while (plane.heartbeats.length < 2) await new Promise((resolve) => setTimeout(resolve, 1));
    expect(plane.heartbeats[1]).toEqual(['a']);
    plane.lost.push('a');
    while (worker.inFlight.groups > 0) await new Promise((resolve) => setTimeout(resolve, 1));
    expect(plane.failed).toEqual([]);
    expect(plane.submitted).toEqual([]);
    expect(ids(plane, 'finished')).toEqual(['a.0', 'a.1']);
  });

  it('gives back what it still plays when it is stopped, each rollout ended as cancelled', async () => {
    const plane = fakePlane([assignment('a'), assignment('b')]);
    const { worker } = await working(plane, {
      modelServer: fakeModelServer(() => ({ hang: true })),
    });
    while (ids(plane, 'started').length < 4) await new Promise((resolve) => setTimeout(resolve, 1));
    await worker[Symbol.asyncDispose]();
    expect(plane.failed.map(({ id, permanent }) => [id, permanent]).sort()).toEqual([
      ['a', false],
      ['b', false],
    ]);
    expect(ids(plane, 'finished')).toEqual(['a.0', 'a.1', 'b.0', 'b.1']);
    for (const event of plane.events) {
      if (event.kind !== 'finished') continue;
      expect(event.rollout.result.stopReason).toBe('cancelled');
      expect(event.rollout.outcome).toMatchObject({ failure: { reason: 'WORKER_STOPPED' } });
    }
    expect(worker.inFlight).toEqual({ groups: 0, rollouts: 0 });
  });

  it('lets what it plays finish while it drains', async () => {
    let release = (): void => {};
    const ready = new Promise<void>((resolve) => {
      release = resolve;
    });
    const plane = fakePlane([assignment('a')]);
    const { worker } = await working(plane, {
      environment: { setup: () => ready },
      options: { drainMs: 10_000 },
    });
    while (ids(plane, 'started').length < 2) await new Promise((resolve) => setTimeout(resolve, 1));
    const stopped = worker[Symbol.asyncDispose]();
    release();
    await stopped;
    expect(plane.submitted.map(({ id }) => id)).toEqual(['a']);
  });

  it('refuses an environment that it does not have, and a second run', async () => {
    const plane = fakePlane([assignment('a', { environment: 'other' })]);
    const { worker } = await working(plane);
    await using _ = worker;
    await plane.ended(1);
    expect(plane.failed).toMatchObject([
      { permanent: true, error: { reason: 'ENVIRONMENT_NOT_FOUND' } },
    ]);
    await expect(worker.run(new AbortController().signal)).rejects.toThrow(/started before/);
  });
});

describe('playAssignment', () => {
  it('answers tool calls with the handler that it is given', async () => {
    const group = await playAssignment(assignment('a', { groupSize: 1 }), {
      environment: await environmentOf({
        tools: [
          {
            definition: { name: 'look', description: '', parameters: { type: 'object' } },
            execute: async () => 'own',
          },
        ],
      }),
      modelServer: fakeModelServer((_, call) =>
        call === 1 ? { call: { name: 'look', args: {} } } : { text: 'ok' },
      ),
      toolHandler: async () => 'injected',
      signal: new AbortController().signal,
    });
    const answer = group.rollouts[0]?.result.messages.find(({ role }) => role === 'tool');
    expect(answer?.content).toEqual([{ kind: 'text', text: 'injected' }]);
  });
});
