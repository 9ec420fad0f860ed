import { describe, expect, it } from 'vitest';
import {
  defineEnvironment,
  hostEnvironment,
  judge,
  playRollout,
} from '../../src/environment/index.ts';
import { LachesisError } from '../../src/errors.ts';
import { fakeModelServer } from './fake-model-server.ts';

const signal = new AbortController().signal;
const grade = (answer: string): number | undefined =>
  answer.startsWith('Grade: ') ? Number(answer.slice(7)) : undefined;

describe('judge', () => {
  it('asks a model server and reads its verdict', async () => {
    const seen: unknown[] = [];
    const server = fakeModelServer((_id, _call, request) => {
      seen.push(request.messages);
      return { text: 'Grade: 0.7' };
    });
    const ask = judge({ server, prompt: (text: string) => `How good is ${text}?`, parse: grade });
    expect(await ask('this', { signal })).toBe(0.7);
    expect(seen).toEqual([
      [{ role: 'user', content: [{ kind: 'text', text: 'How good is this?' }] }],
    ]);
  });

  it('asks again when an answer can not be read or a call fails', async () => {
    const answers = ['hm', 'Grade: what', 'Grade: 1'];
    let asked = 0;
    const ask = judge({
      complete: async () => {
        asked += 1;
        if (asked === 1) throw new Error('busy');
        return answers[asked - 1] as string;
      },
      prompt: () => 'q',
      parse: grade,
      attempts: 3,
    });
    expect(await ask(undefined, { signal })).toBe(1);
    expect(asked).toBe(3);
  });

  it.each([
    [
      'JUDGE_FAILED',
      async () => Promise.reject(new LachesisError('model_error', 'no', { reason: 'X' })),
    ],
    ['JUDGE_UNREADABLE', async () => 'I would rather not say'],
    ['JUDGE_TIMEOUT', () => new Promise<string>(() => {})],
  ])('fails as %s, and not as the model that it judges', async (reason, complete) => {
    const ask = judge({ complete, prompt: () => 'q', parse: grade, timeoutMs: 50 });
    await expect(ask(undefined, { signal })).rejects.toMatchObject({
      kind: 'infrastructure_error',
      reason,
    });
  });

  it('stops at the signal, with its reason', async () => {
    const ask = judge({ complete: () => new Promise(() => {}), prompt: () => 'q', parse: grade });
    const left = AbortSignal.abort(new Error('left'));
    await expect(ask(undefined, { signal: left })).rejects.toThrow('left');
  });

  it('leaves a rollout without a score when it fails within a reward', async () => {
    const ask = judge({
      complete: async () => 'no grade',
      prompt: (text: string) => text,
      parse: grade,
    });
    const environment = await hostEnvironment(
      defineEnvironment({
        name: 'judged',
        tasks: [{ data: 1 }],
        prompt: () => 'explain',
        reward: ({ finalText, signal: own }) => ask(finalText, { signal: own }),
      }),
    );
    const task = await environment.tasks.get('0');
    const rollout = await playRollout({
      environment,
      modelServer: fakeModelServer(() => ({ text: 'an explanation' })),
      rolloutId: 'r',
      groupId: '',
      index: 0,
      task: task as NonNullable<typeof task>,
      signal,
    });
    expect(rollout.outcome).toMatchObject({
      kind: 'not_scored',
      failure: { kind: 'infrastructure_error', reason: 'JUDGE_UNREADABLE' },
    });
  });
});
