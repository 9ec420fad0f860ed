import { describe, expect, it } from 'vitest';
import type { RolloutProgress } from '../../src/contract/index.ts';
import {
  defineEnvironment,
  type EnvironmentDefinition,
  hostEnvironment,
  playGroup,
  playRollout,
} from '../../src/environment/index.ts';
import { LachesisError } from '../../src/errors.ts';
import { ledgerBalance } from '../../src/tokens/index.ts';
import { tool } from '../../src/tools/index.ts';
import { fakeModelServer } from './fake-model-server.ts';

const live = (): AbortSignal => new AbortController().signal;
const task = { key: '0', split: '', data: { answer: 'ok' } };

async function play(
  part: Partial<EnvironmentDefinition>,
  options: {
    readonly reply?: Parameters<typeof fakeModelServer>[0];
    readonly signal?: AbortSignal;
    readonly events?: RolloutProgress[];
    readonly limits?: { readonly timeoutMs?: number; readonly maxTurns?: number };
  } = {},
) {
  const definition = defineEnvironment({
    name: 'test',
    tasks: [{ data: { answer: 'ok' } }],
    prompt: () => 'Say ok.',
    reward: ({ finalText }) => (finalText === 'ok' ? 1 : 0),
    ...part,
  } as EnvironmentDefinition);
  const modelServer = fakeModelServer(options.reply ?? (() => ({ text: 'ok' })));
  return playRollout({
    environment: await hostEnvironment(definition),
    modelServer,
    rolloutId: 'a.0',
    groupId: 'a',
    index: 0,
    task,
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    ...(options.events === undefined
      ? {}
      : { onProgress: (event: RolloutProgress) => options.events?.push(event) }),
    signal: options.signal ?? live(),
  });
}

describe('playRollout', () => {
  it('plays setup, prompt, agent with tools, reward and teardown in order', async () => {
    const log: string[] = [];
    const rollout = await play(
      {
        systemPrompt: 'Be brief.',
        setup: () => {
          log.push('setup');
          return { looked: 0 };
        },
        tools: [
          tool<{ looked: number }>({
            name: 'look',
            description: 'Looks.',
            parameters: { type: 'object', properties: {} },
            execute: (_, { state }) => {
              state.looked += 1;
              log.push('tool');
              return 'ok';
            },
          }),
        ],
        prompt: (_, { state }) => {
          log.push(`prompt ${state.looked}`);
          return 'Say ok.';
        },
        reward: ({ state }) => {
          log.push('reward');
          return { components: [{ name: 'looked', value: state.looked, weight: 0.5 }] };
        },
        teardown: () => {
          log.push('teardown');
        },
      },
      { reply: (_, call) => (call === 1 ? { call: { name: 'look', args: {} } } : { text: 'ok' }) },
    );
    expect(log).toEqual(['setup', 'prompt 0', 'tool', 'reward', 'teardown']);
    expect(rollout.outcome).toEqual({
      kind: 'scored',
      reward: 0.5,
      components: [{ name: 'looked', value: 1, weight: 0.5 }],
    });
    expect(rollout.result.messages.map(({ role }) => role)).toEqual([
      'system',
      'user',
      'assistant',
      'tool',
      'assistant',
    ]);
    expect(rollout.ledger).toMatchObject({ sampled: 6, trained: 6 });
    expect(rollout.provenance).toMatchObject({
      environment: 'test',
      model: 'fake',
      isolation: 'in_process',
      logprobMode: 'raw',
    });
  });

  const boom = (): never => {
    throw new TypeError('boom');
  };
  it.each<[string, Partial<EnvironmentDefinition>, object]>([
    ['setup', { setup: boom }, { kind: 'environment_error', reason: 'SETUP_THREW' }],
    ['prompt', { prompt: boom }, { kind: 'environment_error', reason: 'PROMPT_THREW' }],
    [
      'prompt that returns nothing',
      { prompt: () => undefined as never },
      { kind: 'environment_error', reason: 'PROMPT_SHAPE' },
    ],
    [
      'prompt that returns what is no message',
      { prompt: () => [{ role: 'user', content: 'text' }] as never },
      { kind: 'environment_error', reason: 'PROMPT_SHAPE' },
    ],
    ['reward', { reward: boom }, { kind: 'environment_error', reason: 'REWARD_THREW' }],
    ['NaN', { reward: () => Number.NaN }, { reason: 'REWARD_NOT_FINITE' }],
    ['declined', { reward: () => ({ notScored: 'judge off' }) }, { reason: 'REWARD_DECLINED' }],
    [
      'a dead judge',
      {
        reward: () => {
          throw new LachesisError('infrastructure_error', 'judge down', { reason: 'JUDGE' });
        },
      },
      { kind: 'infrastructure_error', reason: 'JUDGE' },
    ],
    [
      'a reward that hangs',
      { reward: () => new Promise<number>(() => {}), rewardTimeoutMs: 10 },
      { kind: 'environment_error', reason: 'REWARD_TIMEOUT' },
    ],
  ])('types what failed: %s', async (_, part, failure) => {
    let tornDown = 0;
    const rollout = await play({
      teardown: () => {
        tornDown++;
      },
      ...part,
    });
    expect(rollout.outcome).toMatchObject({ kind: 'not_scored', failure });
    expect(tornDown).toBe('setup' in part ? 0 : 1);
    expect(rollout.ledger.trained).toBe(0);
    expect(ledgerBalance(rollout.ledger)).toBe(0);
  });

  it('keeps what was sampled when its deadline passes, and does not score it', async () => {
    const rollout = await play({}, { reply: () => ({ hang: true }), limits: { timeoutMs: 20 } });
    expect(rollout.result.stopReason).toBe('deadline');
    expect(rollout.outcome).toMatchObject({
      kind: 'not_scored',
      failure: { kind: 'deadline_exceeded', reason: 'ROLLOUT_TIMEOUT' },
    });
    expect(rollout.ledger).toMatchObject({ sampled: 4, trained: 0, maskedByFailure: 4 });
    expect(rollout.segments[0]?.tokenIds.length).toBe(7);
  });

  it('keeps what was sampled when it is cancelled, and does not score it', async () => {
    const controller = new AbortController();
    const rollout = await play(
      {},
      {
        signal: controller.signal,
        reply: () => {
          setImmediate(() => controller.abort(new Error('enough')));
          return { hang: true };
        },
      },
    );
    expect(rollout.result.stopReason).toBe('cancelled');
    expect(rollout.outcome).toMatchObject({ failure: { kind: 'cancelled' } });
    expect(rollout.ledger.sampled).toBe(4);
  });

  it('scores a model that ran into the turn limit: that is its own doing', async () => {
    const rollout = await play(
      {},
      { reply: () => ({ call: { name: 'none', args: {} } }), limits: { maxTurns: 2 } },
    );
    expect(rollout.result.stopReason).toBe('max_turns');
    expect(rollout.outcome).toMatchObject({ kind: 'scored', reward: 0 });
  });

  it('keeps a row of a tool that threw, and counts one that answered an error', async () => {
    const parameters = { type: 'object', properties: {} };
    const make = (name: string, execute: () => string) =>
      tool({ name, description: '', parameters, execute });
    const tools = [
      make('throws', () => {
        throw new RangeError('no');
      }),
      make('answers', () => '{"error": "no"}'),
    ];
    const calls = ['throws', 'answers'].map((name) => ({ call: { name, args: {} } }));
    const rollout = await play(
      { tools },
      { reply: (_, turn) => calls[turn - 1] ?? { text: 'ok' } },
    );
    expect(rollout.result).toMatchObject({
      toolCalls: { attempted: 2, schemaValid: 2, executedOk: 0, execError: 2 },
      toolErrors: [
        {
          turn: 1,
          toolName: 'throws',
          error: 'Tool execution failed: RangeError: no',
          toolResult: '{"error":"Tool execution failed: RangeError: no"}',
        },
      ],
    });
    expect(rollout.result.toolErrors).toHaveLength(1);
  });

  it('types a model failure', async () => {
    const error = new LachesisError('model_error', 'bad reply', { reason: 'BAD' });
    const rollout = await play({}, { reply: () => ({ error }) });
    expect(rollout.outcome).toMatchObject({ failure: { kind: 'model_error' } });
  });

  it('gives back the state of a setup that ended after it was given up', async () => {
    let release = (): void => {};
    const tornDown = new Promise<unknown>((resolve) => {
      void play(
        {
          setup: () => new Promise((ready) => (release = () => ready('late'))),
          teardown: resolve,
        },
        { limits: { timeoutMs: 5 } },
      ).then((rollout) => {
        expect(rollout.result.stopReason).toBe('deadline');
        release();
      });
    });
    expect(await tornDown).toBe('late');
  });

  it('says started, turns and finished, and survives a watcher that throws', async () => {
    const events: RolloutProgress[] = [];
    const rollout = await play({}, { events });
    expect(events.map(({ kind }) => kind)).toEqual(['started', 'turn', 'finished']);
    expect(events[2]).toMatchObject({ rollout: { id: 'a.0', outcome: rollout.outcome } });
  });

  it('gives a seeded rollout the same randomness again', async () => {
    const draws: number[] = [];
    const environment = await hostEnvironment(
      defineEnvironment({
        name: 'seeded',
        tasks: [{ data: 1 }],
        setup: (_, { random }) => {
          draws.push(random());
        },
        prompt: () => 'x',
        reward: () => 0,
      }),
    );
    const modelServer = fakeModelServer(() => ({ text: 'x' }));
    for (const seed of [7, 7, 8]) {
      await playGroup({
        environment,
        modelServer,
        task,
        groupId: 'g',
        groupSize: 2,
        seed,
        signal: live(),
      });
    }
    expect(draws.slice(0, 2)).toEqual(draws.slice(2, 4));
    expect(new Set(draws).size).toBe(4);
  });
});
