import { describe, expect, it } from 'vitest';
import {
  defineEnvironment,
  type EvaluateOptions,
  type EvaluationStep,
  evaluate,
  generated,
  hostEnvironment,
} from '../../src/environment/index.ts';
import { fakeModelServer } from './fake-model-server.ts';

const environment = await hostEnvironment(
  defineEnvironment({
    name: 'eval',
    tasks: Array.from({ length: 6 }, (_, i) => ({ split: i < 4 ? 'test' : 'train', data: i })),
    prompt: (task) => String(task.data),
    reward: ({ task, finalText }) => {
      if (task.data === 1) throw new Error('broken');
      return Number(finalText) % 2;
    },
  }),
);

function options(part: Partial<EvaluateOptions> = {}): EvaluateOptions {
  return {
    id: 'e',
    environment,
    // The attempt is the last part of a rollout's id, and what the model says.
    modelServer: fakeModelServer((id) => ({ text: id.split('.').at(-1) as string })),
    signal: new AbortController().signal,
    ...part,
  };
}

async function all(part: Partial<EvaluateOptions> = {}): Promise<EvaluationStep[]> {
  const steps: EvaluationStep[] = [];
  for await (const step of evaluate(options(part))) steps.push(step);
  return steps;
}

describe('evaluate', () => {
  it('plays every attempt of a split and sums up', async () => {
    const steps = await all({ split: 'test', attempts: 4, concurrency: 3 });
    expect(steps).toHaveLength(17);
    const last = steps.at(-1);
    expect(last).toMatchObject({
      kind: 'summary',
      summary: { tasks: 4, scored: 12, notScored: 4, meanReward: 0.5, ledger: { sampled: 16 } },
    });
    const { passAtK } = (last as Extract<EvaluationStep, { kind: 'summary' }>).summary;
    expect(passAtK.map(({ k, tasks }) => [k, tasks])).toEqual([
      [1, 3],
      [2, 3],
      [3, 3],
      [4, 3],
    ]);
    expect(passAtK[0]?.value).toBeCloseTo(0.5);
    expect(passAtK[1]?.value).toBeCloseTo(1 - 1 / 6);
    expect(passAtK[3]?.value).toBe(1);
  });

  it('stops at maxTasks, which an endless source needs', async () => {
    const endless = await hostEnvironment(
      defineEnvironment({
        name: 'endless',
        tasks: generated((i) => i),
        prompt: () => 'x',
        reward: () => 1,
      }),
    );
    expect(await all({ environment: endless, maxTasks: 3 })).toHaveLength(4);
    await expect(all({ environment: endless })).rejects.toMatchObject({ reason: 'ENDLESS_TASKS' });
  });

  it('cancels what is in flight when the loop is left', async () => {
    const seen = { started: 0, turn: 0, finished: 0 };
    const modelServer = fakeModelServer((id) => (id === 'e.0.0' ? { text: '1' } : { hang: true }));
    const onProgress: NonNullable<EvaluateOptions['onProgress']> = ({ kind }) => {
      seen[kind] += 1;
    };
    for await (const _ of evaluate(options({ modelServer, concurrency: 4, onProgress }))) break;
    expect(seen.started).toBeGreaterThanOrEqual(4);
    expect(seen.finished).toBe(seen.started);
  });

  it('throws the reason of its signal', async () => {
    const controller = new AbortController();
    const modelServer = fakeModelServer(() => {
      setImmediate(() => controller.abort(new Error('stop')));
      return { hang: true };
    });
    await expect(all({ modelServer, signal: controller.signal })).rejects.toThrow('stop');
  });

  it('does what the environment says of evaluations, and what it is asked for before that', async () => {
    const own = await hostEnvironment({
      ...environment.definition,
      sampling: { temperature: 1, maxTokens: 9 },
      evaluation: {
        ...{ split: 'test', maxTasks: 3, attempts: 2, solvedAt: 0.5 },
        sampling: { temperature: 0, topK: 5 },
      },
    });
    const conditionsOf = async (part: Partial<EvaluateOptions>) => {
      const steps = await all({ environment: own, ...part });
      const last = steps.at(-1);
      if (last?.kind !== 'summary') throw new Error('no summary');
      const sampled = new Set(
        steps.flatMap((step) =>
          step.kind === 'sample' ? [JSON.stringify(step.rollout.provenance.sampling)] : [],
        ),
      );
      expect([...sampled]).toEqual([JSON.stringify(last.summary.conditions.sampling)]);
      return { samples: steps.length - 1, ...last.summary.conditions };
    };
    expect(await conditionsOf({})).toEqual({
      ...{ samples: 6, split: 'test', maxTasks: 3, attempts: 2, solvedAt: 0.5 },
      sampling: { temperature: 0, maxTokens: 9, topK: 5 },
    });
    const asked = { split: '', maxTasks: 0, attempts: 1, solvedAt: 0 };
    expect(await conditionsOf({ ...asked, sampling: { topK: 1 } })).toEqual({
      ...{ samples: 6, ...asked },
      sampling: { temperature: 0, maxTokens: 9, topK: 1 },
    });
  });

  it('gives the mean of each metric and component over the rollouts that have it', async () => {
    const measured = await hostEnvironment(
      defineEnvironment({
        name: 'measured',
        tasks: [0, 1, 2, 3].map((data) => ({ data })),
        prompt: () => 'x',
        reward: ({ task: { data } }) =>
          data === 3
            ? { notScored: 'no', metrics: { tries: 5 } }
            : {
                components: [{ name: 'right', value: data, weight: 0.5 }],
                metrics: data === 0 ? {} : { tries: data, [`only-${data}`]: 1e308 * data },
              },
      }),
    );
    const steps = await all({ environment: measured, attempts: 2, concurrency: 1 });
    const last = steps.at(-1) as Extract<EvaluationStep, { kind: 'summary' }>;
    expect(last.summary).toMatchObject({ scored: 6, notScored: 2, meanReward: 0.5 });
    expect(last.summary.components).toEqual([{ name: 'right', mean: 1, count: 6 }]);
    // 2e308 is no number, and was left out where the reward was resolved.
    expect(last.summary.metrics).toEqual([
      { name: 'tries', mean: 8 / 3, count: 6 },
      // The sum of two is no number any more, their mean is.
      { name: 'only-1', mean: 1e308, count: 2 },
    ]);
    expect(last.summary.namesLeftOut).toBe(false);
  });

  it('keeps the first 256 names of metrics, and says that there were more', async () => {
    const talkative = await hostEnvironment(
      defineEnvironment({
        name: 'talkative',
        tasks: Array.from({ length: 300 }, (_, data) => ({ data })),
        prompt: () => 'x',
        reward: ({ task: { data } }) => ({ value: 0, metrics: { all: 1, [`task-${data}`]: 1 } }),
      }),
    );
    const steps = await all({ environment: talkative, concurrency: 1 });
    const { metrics, namesLeftOut } = (steps.at(-1) as Extract<EvaluationStep, { kind: 'summary' }>)
      .summary;
    expect([metrics.length, namesLeftOut]).toEqual([256, true]);
    expect(metrics[0]).toEqual({ name: 'all', mean: 1, count: 300 });
    expect(metrics.at(-1)?.name).toBe('task-254');
  });
});
