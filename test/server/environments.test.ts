import { Code } from '@connectrpc/connect';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RolloutEvent } from '../../gen/lachesis/v1/rollout_pb.ts';
import { lachesisErrorOf } from '../../src/client/index.ts';
import { hostEnvironment } from '../../src/environment/index.ts';
import { fakeModelServer } from '../environment/fake-model-server.ts';
import { type ServedForTest, serveForTest, sums } from '../support/serve.ts';

let served: ServedForTest;

/** Ids say what the fake model does: `tool...` calls the tool first, `hang...` never answers. */
beforeAll(async () => {
  served = await serveForTest({
    reply: (rolloutId, call) => {
      if (rolloutId.startsWith('hang')) return { hang: true };
      if (rolloutId.startsWith('tool') && call === 1) {
        return { call: { name: 'add', args: { a: 2, b: 2 } } };
      }
      return { text: '4' };
    },
  });
});
afterAll(() => served[Symbol.asyncDispose]());

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  return await Array.fromAsync(source);
}

const kindsOf = (events: readonly RolloutEvent[]) => events.map(({ event }) => event.case);

describe('environments and tasks', () => {
  test('are described with their tools', async () => {
    const [sums] = await served.client.environments.list();
    expect(sums).toMatchObject({
      name: 'sums',
      version: '1',
      taskCount: 10n,
      isolation: 'in_process',
      modelServer: 'managed',
      tools: [{ name: 'add' }],
    });
  });

  test('are listed page by page, by split, and got by key', async () => {
    const { environments } = served.client;
    const all = await collect(environments.tasks('sums', { pageSize: 3 }));
    expect(all.map(({ key }) => key)).toEqual(Array.from({ length: 10 }, (_, i) => `sum-${i}`));
    const ofSplit = await collect(environments.tasks('sums', { pageSize: 1, split: 'test' }));
    expect(ofSplit.map(({ key }) => key)).toEqual(['sum-8', 'sum-9']);
    expect(await environments.task('sums', 'sum-3')).toMatchObject({ key: 'sum-3' });
  });

  test('that are not there are refused by name', async () => {
    const { environments } = served.client;
    await expect(environments.task('sums', 'x')).rejects.toMatchObject({ code: Code.NotFound });
    const error = await collect(environments.tasks('nothing')).catch(lachesisErrorOf);
    expect(error).toMatchObject({ kind: 'not_found', field: 'environment' });
    expect(error).toMatchObject({ remedy: 'Hosted are: sums.' });
  });
});

describe('rollouts outside of runs', () => {
  test('play, are watched to their end, and can be got whole', async () => {
    const { environments } = served.client;
    const assignment = { id: 'tool-1', environment: 'sums', taskKey: 'sum-2', groupSize: 2 };
    const { rolloutIds, afterSequence } = await environments.startRollouts(assignment);
    expect(rolloutIds).toEqual(['tool-1.0', 'tool-1.1']);
    const events = await collect(
      environments.watch({ afterSequence, rolloutIds, untilFinished: true }),
    );
    for (const id of rolloutIds) {
      const own = events.filter(({ rolloutId }) => rolloutId === id);
      expect(kindsOf(own)).toEqual(['started', 'turnFinished', 'turnFinished', 'finished']);
    }
    const found = await environments.rollout('tool-1.0');
    expect(found).toMatchObject({
      kind: 'finished',
      rollout: { outcome: { kind: 'scored', reward: 1 }, result: { stopReason: 'natural' } },
    });
  });

  test('asked for twice, start once', async () => {
    const { environments } = served.client;
    const assignment = { id: 'twice', environment: 'sums', taskKey: 'sum-2' };
    const first = await environments.startRollouts(assignment);
    await environments.startRollouts(assignment);
    const { afterSequence } = first;
    const watch = { afterSequence, groupIds: ['twice'], untilFinished: true };
    expect(kindsOf(await collect(environments.watch(watch)))).toEqual([
      'started',
      'turnFinished',
      'finished',
    ]);
  });

  test('cancelled, end once, with what they did so far', async () => {
    const { environments } = served.client;
    const assignment = { id: 'hang-1', environment: 'sums', taskKey: 'sum-2', groupSize: 2 };
    const { rolloutIds, afterSequence } = await environments.startRollouts(assignment);
    const selection = { afterSequence, rolloutIds, untilFinished: true };
    const events: RolloutEvent[] = [];
    for await (const event of environments.watch(selection)) {
      events.push(event);
      if (events.length === 2) {
        expect(await environments.rollout('hang-1.0')).toMatchObject({ kind: 'running' });
        const cancelled = await environments.cancel({ groupIds: ['hang-1'], reason: 'enough' });
        expect([...cancelled].sort()).toEqual(rolloutIds);
      }
    }
    expect(kindsOf(events).filter((kind) => kind === 'finished')).toHaveLength(2);
    expect(await environments.rollout('hang-1.1')).toMatchObject({
      kind: 'finished',
      rollout: {
        result: { stopReason: 'cancelled' },
        outcome: { kind: 'not_scored', failure: { kind: 'cancelled' } },
      },
    });
    expect(await environments.cancel({ groupIds: ['hang-1'] })).toEqual([]);
  });

  test('a run id is refused, and so is what is no assignment', async () => {
    const { environments } = served.client;
    const base = { id: 'x', environment: 'sums', taskKey: 'sum-0' };
    await expect(environments.startRollouts({ ...base, runId: 'r' })).rejects.toMatchObject({
      code: Code.InvalidArgument,
    });
    await expect(environments.startRollouts({ ...base, groupSize: 0 })).rejects.toMatchObject({
      code: Code.InvalidArgument,
    });
    await expect(environments.startGroup({ ...base, runId: 'none' })).rejects.toMatchObject({
      code: Code.NotFound,
    });
  });
});

describe('watching', () => {
  test('resumes from any cursor without gap or repeat', async () => {
    const { environments } = served.client;
    const assignment = { id: 'tool-resume', environment: 'sums', taskKey: 'sum-2', groupSize: 3 };
    const { afterSequence } = await environments.startRollouts(assignment);
    const groupIds = ['tool-resume'];
    const all = await collect(environments.watch({ afterSequence, groupIds, untilFinished: true }));
    for (let cut = 0; cut < all.length; cut++) {
      const cursor = cut === 0 ? afterSequence : Number(all[cut - 1]?.sequence);
      const rest = environments.watch({ afterSequence: cursor, groupIds, untilFinished: true });
      expect((await collect(rest)).map(({ sequence }) => sequence)).toEqual(
        all.slice(cut).map(({ sequence }) => sequence),
      );
    }
  });

  test('beyond the newest event, or of what was never begun, is refused', async () => {
    const { environments } = served.client;
    const beyond = collect(environments.watch({ afterSequence: 1e9 })).catch(lachesisErrorOf);
    expect(await beyond).toMatchObject({ kind: 'out_of_range', reason: 'SEQUENCE_TOO_NEW' });
    const unknown = collect(environments.watch({ groupIds: ['never'], untilFinished: true }));
    await expect(unknown).rejects.toMatchObject({ code: Code.NotFound });
  });

  test('sends heartbeats into silence, and a break ends the watch on the server', async () => {
    const { environments } = served.client;
    const exchanges = served.server.listener.stats().exchanges;
    const watch = { rolloutIds: ['nobody'], heartbeatMs: 50, heartbeats: true };
    for await (const event of environments.watch(watch)) {
      expect(event).toMatchObject({ sequence: 0n, event: { case: 'heartbeat' } });
      break;
    }
    await expect.poll(() => served.server.listener.stats().exchanges).toBe(exchanges);
  });
});

describe('too old a cursor', () => {
  test('is out of range, with the oldest sequence that is kept', async () => {
    await using small = await serveForTest({
      limits: { rolloutLog: { maxEvents: 4, maxEventBytes: 1e6, maxRolloutBytes: 1e6 } },
    });
    const { environments } = small.client;
    const assignment = { id: 'a', environment: 'sums', taskKey: 'sum-2', groupSize: 4 };
    await environments.startRollouts(assignment);
    await collect(environments.watch({ untilFinished: true }));
    const error = await collect(environments.watch({ afterSequence: 1 })).catch(lachesisErrorOf);
    expect(error).toMatchObject({
      kind: 'out_of_range',
      reason: 'SEQUENCE_TOO_OLD',
      metadata: { oldest_sequence: '9' },
    });
  });
});

describe('evaluating', () => {
  test('stops when its reader leaves', async () => {
    const exchanges = served.server.listener.stats().exchanges;
    for await (const step of served.client.environments.evaluate({ environment: 'sums' })) {
      expect(step.case).toBe('sample');
      break;
    }
    await expect.poll(() => served.server.listener.stats().exchanges).toBe(exchanges);
  });

  test('streams each rollout as it ends, then the figures', async () => {
    const steps = await collect(
      served.client.environments.evaluate({ environment: 'sums', split: 'test', attempts: 2 }),
    );
    expect(steps.map((step) => step.case)).toEqual([...Array(4).fill('sample'), 'summary']);
    expect(steps.at(-1)?.value).toMatchObject({
      tasks: 2n,
      scored: 4n,
      notScored: 0n,
      meanReward: 1,
      passAtK: [
        { k: 1, value: 1 },
        { k: 2, value: 1 },
      ],
    });
  });
});

test('an evaluation is what the environment says it is, and its summary tells what that was', async () => {
  const definition = {
    ...sums,
    sampling: { maxTokens: 9 },
    evaluation: {
      ...{ split: 'test', maxTasks: 1, attempts: 3, solvedAt: 2 },
      sampling: { temperature: 0 },
    },
  };
  await using at = await serveForTest({
    environments: [
      {
        environment: await hostEnvironment({
          ...definition,
          reward: () => ({
            components: [{ name: 'right', value: 1, weight: 2 }],
            metrics: { words: 1 },
          }),
        }),
        modelServer: fakeModelServer(() => ({ text: '4' })),
      },
    ],
  });
  const summaryOf = async (asked: object) => {
    const steps = await collect(at.client.environments.evaluate({ environment: 'sums', ...asked }));
    const last = steps.at(-1);
    if (last?.case !== 'summary') throw new Error('no summary');
    return { samples: steps.length - 1, ...last.value };
  };
  const own = await summaryOf({});
  expect(own).toMatchObject({
    ...{ samples: 3, split: 'test', maxTasks: 1n, attempts: 3, solvedAt: 2 },
    sampling: { temperature: 0, maxTokens: 9 },
    metrics: [{ name: 'words', mean: 1, count: 3n }],
    components: [{ name: 'right', mean: 1, count: 3n }],
    namesLeftOut: false,
  });
  expect(own.passAtK.at(-1)).toMatchObject({ k: 3, value: 1 });
  const asked = { split: '', maxTasks: 0, attempts: 1, solvedAt: 3 };
  expect(await summaryOf({ ...asked, sampling: { temperature: 1 } })).toMatchObject({
    ...{ samples: 10, ...asked, maxTasks: 0n, sampling: { temperature: 1, maxTokens: 9 } },
    passAtK: [{ k: 1, value: 0 }],
  });
  await expect(summaryOf({ attempts: -1 })).rejects.toThrow(/attempts: is -1; use 1 to 1024/);
});

test('one rollout of an evaluation can be cancelled, and the others go on', async () => {
  await using hanging = await serveForTest({
    reply: (rolloutId) => (rolloutId.endsWith('.1.0') ? { hang: true } : { text: '4' }),
  });
  const { environments } = hanging.client;
  const samples: string[] = [];
  for await (const step of environments.evaluate({ environment: 'sums', maxTasks: 3 })) {
    if (step.case !== 'sample') continue;
    samples.push(step.value.taskKey);
    if (samples.length === 2) {
      const stuck = step.value.rolloutId.replace(/\.\d+\.0$/, '.1.0');
      expect(await environments.cancel({ rolloutIds: [stuck] })).toEqual([stuck]);
    }
  }
  expect(samples.at(-1)).toBe('sum-1');
});

test('an evaluation of a split that no task has is refused by its field', async () => {
  const steps = served.client.environments.evaluate({ environment: 'sums', split: 'nowhere' });
  const error = await collect(steps).catch(lachesisErrorOf);
  expect(error).toMatchObject({ kind: 'not_found', field: 'split', reason: 'NO_TASKS' });
});
