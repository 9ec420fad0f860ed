import { describe, expect, test } from 'vitest';
import type { AutoPlay, RunSettings, RunStatus } from '../../src/broker/index.ts';
import { arraySource } from '../../src/environment/index.ts';
import { groupsToAssign } from '../../src/server/auto-play.ts';
import { taskCycle } from '../../src/server/task-cycle.ts';
import { emptyLedger } from '../../src/tokens/index.ts';

const AUTO: AutoPlay = {
  environment: 'e',
  groupSize: 4,
  maxAhead: 8,
  split: '',
  maxBatchesAhead: 0,
};

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
  test.each([
    ['nothing ahead', AUTO, statusOf({}), 8],
    ['some ahead', AUTO, statusOf({ openAssignments: 3, waitingGroups: 2 }), 3],
    ['enough ahead', AUTO, statusOf({ openAssignments: 8, waitingGroups: 2 }), 0],
    ['on policy, nothing ahead: one batch', onPolicy, statusOf({}), 4],
    ['on policy, part of a batch', onPolicy, statusOf({ openAssignments: 2, waitingGroups: 1 }), 1],
    ['on policy, a batch waits', onPolicy, statusOf({ waitingGroups: 4 }), 0],
    ['on policy, a batch is not acked', onPolicy, statusOf({ leasedBatches: 1 }), 0],
    ['on policy, by rows', onPolicy, statusOf({ waitingRows: 7, waitingGroups: 2 }, rows), 3],
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
