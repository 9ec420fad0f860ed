import { describe, expect, it } from 'vitest';
import { Limiter } from '../../src/async/index.ts';
import type { RolloutProgress, Task } from '../../src/contract/index.ts';
import {
  defineEnvironment,
  type EnvironmentDefinition,
  hostEnvironment,
  type PlayGroupOptions,
  playGroup,
} from '../../src/environment/index.ts';
import { LachesisError } from '../../src/errors.ts';
import { sandboxEndedByTenant, sandboxGone } from '../../src/sandbox/index.ts';
import { fakeModelServer } from './fake-model-server.ts';

async function group(
  part: Partial<EnvironmentDefinition>,
  options: Partial<PlayGroupOptions> = {},
) {
  const events: RolloutProgress[] = [];
  const definition = {
    name: 'test',
    tasks: [{ data: 0 }],
    prompt: () => 'x',
    reward: ({ result }: { result: { messages: readonly unknown[] } }) => result.messages.length,
    ...part,
  };
  const played = await playGroup({
    environment: await hostEnvironment(defineEnvironment(definition as EnvironmentDefinition)),
    modelServer: fakeModelServer(() => ({ text: 'ok' })),
    task: { key: '0', split: '', data: 0 },
    groupId: 'g',
    groupSize: 4,
    onProgress: (event) => events.push(event),
    signal: new AbortController().signal,
    ...options,
  });
  return { group: played, events };
}

describe('playGroup', () => {
  it('plays all rollouts, by index', async () => {
    const { group: played } = await group({});
    expect(played.rollouts.map(({ id }) => id)).toEqual(['g.0', 'g.1', 'g.2', 'g.3']);
  });

  it('keeps to the limiter', async () => {
    let most = 0;
    let now = 0;
    await group(
      {
        setup: async () => {
          now += 1;
          most = Math.max(most, now);
          await new Promise((resolve) => setTimeout(resolve, 2));
        },
        teardown: () => {
          now -= 1;
        },
      },
      { limiter: new Limiter(2), groupSize: 7 },
    );
    expect(most).toBe(2);
  });

  it('lets groupReward rewrite the scored rewards, and finishes a rollout only then', async () => {
    const { group: played, events } = await group({
      reward: ({ result }) => (result.messages.length > 0 ? 1 : 0),
      groupReward: (rollouts) => rollouts.map((_, i) => i * 10),
    });
    const rewards = played.rollouts.map(
      ({ outcome }) => outcome.kind === 'scored' && outcome.reward,
    );
    expect(rewards).toEqual([0, 10, 20, 30]);
    const finished = events.filter((event) => event.kind === 'finished');
    expect(finished.map(({ rollout }) => rollout.outcome)).toEqual(
      played.rollouts.map(({ outcome }) => outcome),
    );
  });

  it.each([
    ['too few', () => [1]],
    ['NaN', (rollouts: readonly unknown[]) => rollouts.map(() => Number.NaN)],
    [
      'a throw',
      () => {
        throw new Error('no');
      },
    ],
  ])('scores none when groupReward gives %s', async (_, groupReward) => {
    const { group: played } = await group({ groupReward });
    for (const { outcome, ledger } of played.rollouts) {
      expect(outcome).toMatchObject({ failure: { kind: 'environment_error' } });
      expect(ledger.trained).toBe(0);
    }
  });

  it('cancels one rollout and leaves the others', async () => {
    const one = AbortSignal.abort(new Error('not this one'));
    const { group: played, events } = await group(
      {},
      { rolloutSignal: (id) => (id === 'g.2' ? one : undefined) },
    );
    expect(played.rollouts.map(({ outcome }) => outcome.kind)).toEqual([
      'scored',
      'scored',
      'not_scored',
      'scored',
    ]);
    expect(events.filter(({ kind }) => kind === 'finished')).toHaveLength(4);
  });

  describe('failed rollouts', () => {
    const unstable = (good: (rolloutId: string) => boolean): Partial<PlayGroupOptions> => ({
      modelServer: fakeModelServer((rolloutId) =>
        good(rolloutId)
          ? { text: 'ok' }
          : { error: new LachesisError('model_error', 'It broke.', { reason: 'BROKEN' }) },
      ),
    });

    it('are played again under a new id, each with one start and one ending', async () => {
      const { group: played, events } = await group(
        { failedRollouts: { retry: 2 } },
        unstable((id) => id === 'g.0' || id === 'g.1+2' || id === 'g.3+1'),
      );
      expect(played.rollouts.map(({ id, index }) => [id, index])).toEqual([
        ['g.0', 0],
        ['g.1+2', 1],
        ['g.2+2', 2],
        ['g.3+1', 3],
      ]);
      expect(played.rollouts.map(({ outcome }) => outcome.kind)).toEqual([
        'scored',
        'scored',
        'not_scored',
        'scored',
      ]);
      const idsOf = (kind: string): string[] =>
        events.flatMap((event) => (event.kind === kind ? [event.rolloutId] : [])).toSorted();
      const all = ['0', '1', '1+1', '1+2', '2', '2+1', '2+2', '3', '3+1'].map((id) => `g.${id}`);
      expect(idsOf('started')).toEqual(all);
      expect(idsOf('finished')).toEqual(all);
      const open = new Set<string>();
      for (const event of events.filter(({ rolloutId }) => rolloutId.startsWith('g.1'))) {
        if (event.kind === 'started') open.add(event.rolloutId);
        if (event.kind === 'finished') open.delete(event.rolloutId);
        if (event !== events.findLast(({ rolloutId }) => rolloutId.startsWith('g.1'))) {
          expect(open.size).toBeGreaterThan(0);
        }
      }
    });

    it('are not played again when what ran in their sandbox ended it, and are when the host did', async () => {
      const lost = [
        sandboxEndedByTenant('bw-0', 'what ran in it ended its first process'),
        sandboxGone('bw-1', 'it was terminated'),
      ];
      const { group: played } = await group({
        failedRollouts: { retry: 1 },
        setup: (_, { rolloutId }) => {
          const error = lost[Number(rolloutId.slice(2))];
          if (error !== undefined) throw error;
        },
      });
      expect(played.rollouts.map(({ id }) => id)).toEqual(['g.0', 'g.1+1', 'g.2', 'g.3']);
      expect(played.rollouts[0]?.outcome).toMatchObject({
        kind: 'not_scored',
        failure: { reason: 'SANDBOX_ENDED_BY_TENANT' },
      });
    });

    it('are not played again when they were cancelled', async () => {
      const cancelled = new AbortController();
      cancelled.abort(new LachesisError('cancelled', 'no', { reason: 'NO' }));
      const { group: played } = await group(
        { failedRollouts: { retry: 3 } },
        { rolloutSignal: (id) => (id === 'g.2' ? cancelled.signal : undefined) },
      );
      expect(played.rollouts.map(({ id }) => id)).toEqual(['g.0', 'g.1', 'g.2', 'g.3']);
    });

    it('below the quorum leave the whole group without a score', async () => {
      const good = unstable((id) => id === 'g.1' || id === 'g.3');
      const below = await group({ failedRollouts: { quorum: 3 } }, good);
      expect(below.group.rollouts.map(({ outcome }) => outcome)).toMatchObject([
        { failure: { kind: 'model_error' } },
        { failure: { kind: 'model_error', reason: 'BELOW_QUORUM' } },
        { failure: { kind: 'model_error' } },
        { failure: { kind: 'model_error', reason: 'BELOW_QUORUM' } },
      ]);
      const told = below.events.filter((event) => event.kind === 'finished');
      expect(told.map(({ rollout }) => rollout.outcome.kind)).toEqual(Array(4).fill('not_scored'));
      const met = await group({ failedRollouts: { quorum: 2 } }, good);
      expect(met.group.rollouts.filter(({ outcome }) => outcome.kind === 'scored')).toHaveLength(2);
    });

    it('do not matter to a whole group that is smaller than its quorum', async () => {
      const { group: played } = await group({ failedRollouts: { quorum: 9 } });
      expect(played.rollouts.every(({ outcome }) => outcome.kind === 'scored')).toBe(true);
    });

    it.each([
      [{ retry: -1 }, 'failedRollouts.retry: is -1'],
      [{ quorum: 0.5 }, 'failedRollouts.quorum: is 0.5'],
      [{ retries: 1 }, 'failedRollouts.retries: is none of'],
      [{ endedSandboxReward: Number.NaN }, 'failedRollouts.endedSandboxReward: is NaN'],
    ])('%j is refused', async (failedRollouts, message) => {
      await expect(group({ failedRollouts } as object)).rejects.toThrow(message);
    });
  });
});

describe('the backlog of an environment', () => {
  async function backlogWith(backlog: EnvironmentDefinition['backlog']) {
    const tasks: Task[] = [];
    const warnings: string[] = [];
    const { group: played } = await group(
      { ...(backlog && { backlog }) },
      {
        groupSize: 2,
        onBacklog: (more) => tasks.push(...more),
        onWarning: (message) => warnings.push(message),
      },
    );
    expect(played.rollouts.map(({ outcome }) => outcome.kind)).toEqual(['scored', 'scored']);
    return { tasks, warnings };
  }

  it('is asked with the whole group, and its tasks get keys', async () => {
    const { tasks } = await backlogWith(({ task, rollouts }) => [
      { data: { after: task.key, of: rollouts.length } },
      { key: 'mine', split: 'hard', data: 2 },
    ]);
    expect(tasks).toEqual([
      { key: '0/1', split: '', data: { after: '0', of: 2 } },
      { key: 'mine', split: 'hard', data: 2 },
    ]);
  });

  it.each<[string, () => unknown, RegExp]>([
    [
      'throws',
      () => {
        throw new Error('bug');
      },
      /failed: bug/,
    ],
    ['gives no list', () => 'more', /gave no list of tasks/],
    ['gives no data', () => [{ key: 'a' }], /task 0 that is left out: it has no data/],
    ['gives a class', () => [{ data: new Map() }], /holds a Map, which is no JSON/],
    ['gives a date', () => [{ data: { at: new Date(0) } }], /holds a Date, which is no JSON/],
    ['gives NaN', () => [{ data: [Number.NaN] }], /holds NaN, which is no JSON/],
    ['gives an empty key', () => [{ key: '', data: 1 }], /its key is ; 1 to 200/],
  ])('costs no reward when it %s, and is told of', async (_, backlog, told) => {
    const { tasks, warnings } = await backlogWith(backlog as EnvironmentDefinition['backlog']);
    expect(tasks).toEqual([]);
    expect(warnings).toEqual([expect.stringMatching(told)]);
  });

  it('keeps the good tasks beside bad ones, each key once, and the first 64', async () => {
    const circle: { self?: unknown } = {};
    circle.self = circle;
    const { tasks, warnings } = await backlogWith((() => [
      { data: 1 },
      { data: circle },
      { key: 'same', data: 2 },
      { key: 'same', data: 3 },
      { key: undefined, data: 4 },
    ]) as EnvironmentDefinition['backlog']);
    expect(tasks.map(({ key, data }) => [key, data])).toEqual([
      ['0/1', 1],
      ['same', 2],
      ['0/5', 4],
    ]);
    expect(warnings).toHaveLength(2);
    const many = await backlogWith(() => Array.from({ length: 70 }, () => ({ data: 0 })));
    expect(many.tasks).toHaveLength(64);
    expect(many.warnings).toEqual([expect.stringContaining('gave 70 tasks')]);
  });

  it('gives tasks the split of theirs, and keys of one length however long a chain grows', async () => {
    const more: Task[] = [];
    const task = { key: `${'k'.repeat(190)}/1/1/1/1`, split: 'train', data: 0 };
    await group(
      { backlog: () => [{ data: 1 }, { data: 2 }] },
      { task, groupSize: 1, onBacklog: (tasks) => more.push(...tasks) },
    );
    expect(more.map(({ split }) => split)).toEqual(['train', 'train']);
    expect(more[0]!.key.length).toBeLessThanOrEqual(200);
    expect(new Set(more.map(({ key }) => key)).size).toBe(2);
  });

  it('is not asked for a group without a reward', async () => {
    let asked = 0;
    await group(
      {
        reward: () => {
          throw new Error('bug');
        },
        backlog: () => {
          asked += 1;
          return [];
        },
      },
      { onBacklog: () => {} },
    );
    expect(asked).toBe(0);
  });

  it('is not asked where nobody takes it', async () => {
    let asked = 0;
    await group({
      backlog: () => {
        asked += 1;
        return [];
      },
    });
    expect(asked).toBe(0);
  });
});
