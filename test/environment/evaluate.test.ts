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
    let finished = 0;
    const modelServer = fakeModelServer((id) => (id === 'e.0.0' ? { text: '1' } : { hang: true }));
    const onProgress: NonNullable<EvaluateOptions['onProgress']> = ({ kind }) => {
      if (kind === 'finished') finished += 1;
    };
    for await (const _ of evaluate(options({ modelServer, concurrency: 4, onProgress }))) break;
    expect(finished).toBe(4);
  });

  it('throws the reason of its signal', async () => {
    const controller = new AbortController();
    const modelServer = fakeModelServer(() => {
      setImmediate(() => controller.abort(new Error('stop')));
      return { hang: true };
    });
    await expect(all({ modelServer, signal: controller.signal })).rejects.toThrow('stop');
  });
});
