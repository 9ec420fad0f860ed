import { describe, expect, test } from 'vitest';
import type { AutoPlay, RunSettings, RunStatus } from '../../src/broker/index.ts';
import { arraySource } from '../../src/environment/index.ts';
import { groupsToAssign } from '../../src/server/auto-play.ts';
import { taskCycle } from '../../src/server/task-cycle.ts';
import { taskMixture } from '../../src/server/task-mixture.ts';
import { emptyLedger } from '../../src/tokens/index.ts';

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
  };
  return {
    run: { id: 'r', settings, policyVersion: 0, step: 0, closed: false, openTimeMs: 0 },
    waitingGroups: 0,
    waitingRows: 0,
    waitingTokens: 0,
    openAssignments: 0,
    leasedBatches: 0,
    acceptedGroups: 0,
    droppedGroups: {},
    rollouts: 0,
    notScored: 0,
    recentMeanReward: undefined,
    ledger: emptyLedger(),
    oldestWaitingMs: undefined,
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
    await using tasks = taskCycle(source, split, skip, signal);
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
    const tasksOf = (name: string) => sources.get(name)!;
    await using mixture = taskMixture(parts, tasksOf, skip, signal);
    const keys: string[] = [];
    for (let i = 0; i < count; i++) {
      const { part, task } = await mixture.next();
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
});
