import { describe, expect, test } from 'vitest';
import type { AutoPlay, RunSettings, RunStatus } from '../../src/broker/index.ts';
import { arraySource } from '../../src/environment/index.ts';
import { groupsToAssign, openLimitOf, WasteWatch } from '../../src/server/auto-play-figures.ts';
import { taskCycle } from '../../src/server/task-cycle.ts';
import { taskMixture } from '../../src/server/task-mixture.ts';
import { emptyLedger } from '../../src/tokens/index.ts';
import { noRunDetail } from '../support/run-detail.ts';

const PART = { environment: 'e', groupSize: 4, split: '', weight: 1 };
const AUTO: AutoPlay = { environments: [PART], maxAhead: 8, maxBatchesAhead: 0 };

function statusOf(
  figures: Partial<RunStatus>,
  batchSize: RunSettings['batchSize'] = { kind: 'groups', groups: 4 },
): RunStatus {
  const settings: RunSettings = {
    batchSize,
    trainingPolicy: 'strict',
    maxStaleness: undefined,
    maxWaitingGroups: 100,
    failedRollouts: 'drop_rollout',
    maxRowTokens: 0,
    environments: [],
    autoPlay: AUTO,
    dropUniformGroups: false,
    overLength: 'truncate',
    shares: [],
    admission: { kind: 'off' },
  };
  return {
    run: { id: 'r', settings, policyVersion: 0, step: 0, closed: false, openTimeMs: 0 },
    waitingGroups: 0,
    waitingRows: 0,
    waitingTokens: 0,
    openAssignments: 0,
    openByEnvironment: {},
    problem: '',
    leasedBatches: 0,
    acceptedGroups: 0,
    droppedGroups: {},
    rollouts: 0,
    notScored: 0,
    recentMeanReward: undefined,
    ledger: emptyLedger(),
    oldestWaitingMs: undefined,
    ...noRunDetail,
    ...figures,
  };
}

describe('how many groups to order', () => {
  const onPolicy = { ...AUTO, maxBatchesAhead: 1 };
  const rows = { kind: 'rows', rows: 16 } as const;
  // Three groups of 4 to one of 12: 6 on average.
  const mixed = {
    ...onPolicy,
    environments: [
      { ...PART, weight: 3 },
      { ...PART, environment: 'f', groupSize: 12 },
    ],
  };
  test.each([
    ['nothing ahead', AUTO, statusOf({}), 8],
    ['some ahead', AUTO, statusOf({ openAssignments: 3, waitingGroups: 2 }), 3],
    ['enough ahead', AUTO, statusOf({ openAssignments: 8, waitingGroups: 2 }), 0],
    ['on policy, nothing ahead: one batch', onPolicy, statusOf({}), 4],
    ['on policy, part of a batch', onPolicy, statusOf({ openAssignments: 2, waitingGroups: 1 }), 1],
    ['on policy, a batch waits', onPolicy, statusOf({ waitingGroups: 4 }), 0],
    ['on policy, a batch is not acked', onPolicy, statusOf({ leasedBatches: 1 }), 0],
    ['on policy, by rows', onPolicy, statusOf({ waitingRows: 7, waitingGroups: 2 }, rows), 3],
    ['on policy, groups of 6 on average', mixed, statusOf({ openAssignments: 1 }, rows), 2],
    ['on policy, rows enough', onPolicy, statusOf({ waitingRows: 16, waitingGroups: 4 }, rows), 0],
  ])('%s', (_, autoPlay, status, expected) => {
    expect(groupsToAssign(autoPlay, status)).toBe(expected);
  });

  test('none for a closed run', () => {
    const status = statusOf({});
    expect(groupsToAssign(AUTO, { ...status, run: { ...status.run, closed: true } })).toBe(0);
  });
});

describe('task after task', () => {
  const source = arraySource([
    { key: 'a', split: 'train', data: 1 },
    { key: 'b', split: 'test', data: 2 },
    { key: 'c', split: 'train', data: 3 },
  ]);
  const { signal } = new AbortController();
  const take = async (count: number, split: string, skip = 0): Promise<string> => {
    await using tasks = taskCycle({ name: 'e', tasks: source }, split, skip, signal);
    let keys = '';
    for (let i = 0; i < count; i++) keys += (await tasks.next()).key;
    return keys;
  };

  test('in order and from the start again', async () => {
    expect(await take(7, '')).toBe('abcabca');
    expect(await take(4, '', 5)).toBe('cabc');
  });

  test('only of a split, and an unknown one is refused', async () => {
    expect(await take(4, 'train')).toBe('acac');
    await expect(take(1, 'dev')).rejects.toMatchObject({ reason: 'NO_TASKS' });
  });
});

describe('tasks of several environments', () => {
  const { signal } = new AbortController();
  const sources = new Map(
    ['a', 'b'].map((name) => {
      const tasks = [1, 2, 3].map((n) => ({ key: `${name}${n}`, split: '', data: n }));
      return [name, arraySource(tasks)] as const;
    }),
  );
  const parts = [
    { ...PART, environment: 'a', weight: 3 },
    { ...PART, environment: 'b', weight: 1 },
  ];
  const take = async (count: number, skip = 0): Promise<string[]> => {
    const environmentOf = (name: string) => ({ name, tasks: sources.get(name)! });
    await using mixture = taskMixture(parts, environmentOf, skip, signal);
    const keys: string[] = [];
    for (let i = 0; i < count; i++) {
      const { part, task } = (await mixture.next())!;
      expect(task.key.startsWith(part.environment)).toBe(true);
      keys.push(task.key);
    }
    return keys;
  };

  test('come by their weights, each environment in its own order and again', async () => {
    const keys = await take(40);
    expect(keys.filter((key) => key.startsWith('a'))).toHaveLength(30);
    expect(keys.filter((key) => key.startsWith('a')).slice(0, 4)).toEqual(['a1', 'a2', 'a3', 'a1']);
    expect(keys.filter((key) => key.startsWith('b')).slice(0, 4)).toEqual(['b1', 'b2', 'b3', 'b1']);
  });

  test('go on behind those that were taken before', async () => {
    expect(await take(5, 7)).toEqual((await take(12)).slice(7));
  });

  test('pass over an environment that has its share open, and give it its turn later', async () => {
    const environmentOf = (name: string) => ({ name, tasks: sources.get(name)! });
    await using mixture = taskMixture(parts, environmentOf, 0, signal);
    const draw = async (count: number, isFree: (name: string) => boolean) => {
      const names: string[] = [];
      for (let i = 0; i < count; i++) {
        const next = await mixture.next(({ environment }) => isFree(environment));
        names.push(next?.part.environment ?? 'none');
      }
      return names.join('');
    };
    expect(await draw(6, (name) => name === 'b')).toBe('bbbbbb');
    // Six turns of `b` are as much as its share of twenty-four.
    expect(await draw(17, () => true)).toBe('a'.repeat(17));
    expect(await draw(1, () => false)).toBe('none');
  });

  test('may be open to an environment up to its share of all that may be', () => {
    const auto = { ...AUTO, environments: parts };
    expect(parts.map((part) => openLimitOf(part, auto))).toEqual([6, 2]);
    expect(openLimitOf({ ...PART, weight: 0.001 }, { ...auto, maxAhead: 1 })).toBe(1);
  });
});

describe('groups that come to nothing', () => {
  const failed = (groups: number, accepted = 0) =>
    statusOf({ acceptedGroups: accepted, droppedGroups: { assignment_failed: groups } });

  test('slow the ordering down, later and later, and say why', () => {
    const watch = new WasteWatch();
    expect(watch.look(failed(63))).toEqual({ delayMs: 0, why: '' });
    expect(watch.look(failed(64)).delayMs).toBe(100);
    expect(watch.look(failed(300)).delayMs).toBe(400);
    expect(watch.look(failed(300)).why).toContain('300 groups in a row came to nothing');
    expect(watch.look(failed(1e9)).delayMs).toBe(10_000);
  });

  test('are forgotten as soon as one is of use', () => {
    const watch = new WasteWatch();
    expect(watch.look(failed(200)).delayMs).toBeGreaterThan(0);
    expect(watch.look(failed(201, 1)).delayMs).toBe(0);
    // Uniform groups are accepted, and of no use.
    const uniform = (groups: number) =>
      statusOf({
        acceptedGroups: groups + 1,
        droppedGroups: { assignment_failed: 201, uniform_rewards: groups },
      });
    expect(watch.look(uniform(200)).delayMs).toBeGreaterThan(0);
  });
});
