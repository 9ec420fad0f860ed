import { describe, expect, test } from 'vitest';
import { NO_RUN_POLICY } from '../../src/contract/index.ts';
import {
  defineEnvironment,
  type EnvironmentDefinition,
  hostEnvironment,
  type PlayOptions,
  playRollout,
} from '../../src/environment/index.ts';
import { LachesisError } from '../../src/errors.ts';
import { textOf } from '../../src/messages.ts';
import type { ModelServer } from '../../src/models/index.ts';
import { ledgerBalance } from '../../src/tokens/index.ts';
import { type ToolContext, type ToolHandler, tool } from '../../src/tools/index.ts';
import { underFakeTime } from '../support/fake-time.ts';
import { spelled, terseModel } from '../support/terse-model.ts';

interface Desk {
  asked: number;
}

const weigh = tool<Desk, { readonly unit: string }>({
  name: 'weigh',
  description: '',
  parameters: { type: 'object' },
  execute: (_, { state, settings }) => {
    state.asked += 1;
    return `3 ${settings.unit}`;
  },
});
const expert = tool({
  name: 'expert',
  description: '',
  parameters: { type: 'object' },
  execute: async (_, { model }: ToolContext<Desk>) => {
    const options = { agent: 'expert', systemPrompt: 'you know', prompt: 'how heavy?' };
    return (await model.run({ ...options, tools: [weigh] })).text;
  },
});

/** The expert samples 7 + 3 tokens, the main agent 8 + 3. */
const says = ({ system, turn, last }: Parameters<Parameters<typeof terseModel>[0]>[0]): string => {
  if (system === 'you know') return turn === 0 ? '!weigh' : (/3 \w+/.exec(last)?.[0] ?? '?');
  return turn === 0 ? '!expert' : (/3 \w+/.exec(last)?.[0] ?? '?');
};

async function play(
  modelServer: ModelServer,
  part: Partial<EnvironmentDefinition> = {},
  options: Partial<PlayOptions> = {},
) {
  const definition = defineEnvironment({
    name: 'test',
    tasks: [{ data: null }],
    setup: (): Desk => ({ asked: 0 }),
    tools: [expert],
    prompt: () => 'How heavy is it?',
    reward: ({ state, finalText }) => (finalText === '3 g' && state.asked === 1 ? 1 : 0),
    ...part,
  } as EnvironmentDefinition);
  const environment = { ...(await hostEnvironment(definition)), settings: { unit: 'g' } };
  const task = { key: '0', split: '', data: null };
  const { signal } = new AbortController();
  const identity = { rolloutId: 'a.0', groupId: 'a', index: 0, task };
  return playRollout({ environment, modelServer, ...identity, signal, ...options });
}

describe('a rollout whose tool runs a sub-agent', () => {
  test.each(['strict', 'realign', 'fork', 'mask'] as const)(
    'trains both agents under %s, with the rollout’s state and settings for all tools',
    async (trainingPolicy) => {
      const policy = { ...NO_RUN_POLICY, trainingPolicy };
      const rollout = await play(terseModel(says), {}, { policy });
      expect(rollout.outcome).toMatchObject({ kind: 'scored', reward: 1 });
      expect(rollout.ledger).toMatchObject({ sampled: 23, trained: 23 });
      expect(rollout.segments.map(({ agent }) => agent)).toEqual(['', 'expert']);
      expect(rollout.calls.map(({ agent }) => agent)).toEqual(['', 'expert', 'expert', '']);
      expect(rollout.result.toolCalls).toMatchObject({ attempted: 1, executedOk: 1 });
    },
  );

  test('has no score when the model fails in it', async () => {
    const lost = new LachesisError('model_error', 'out of memory', { reason: 'OOM' });
    const model = terseModel((asked) =>
      asked.system === 'you know' ? { error: lost } : says(asked),
    );
    const rollout = await play(model);
    expect(rollout.outcome).toMatchObject({
      kind: 'not_scored',
      failure: { kind: 'model_error', message: 'The sub-agent expert failed: out of memory' },
    });
    expect(rollout.result.stopReason).toBe('model_error');
  });

  test('counts what it had sampled when its time was over', async () => {
    const model = terseModel((asked) =>
      asked.system === 'you know' && asked.turn === 1
        ? { tokenIds: spelled('3 g'), after: new Promise(() => {}), sampledBeforeAbort: 2 }
        : says(asked),
    );
    const rollout = await underFakeTime(() => play(model, {}, { limits: { timeoutMs: 9_000 } }));
    expect(rollout.outcome).toMatchObject({ failure: { reason: 'ROLLOUT_TIMEOUT' } });
    // 8 of the main agent, 7 and 2 of the expert.
    expect(rollout.ledger).toMatchObject({ sampled: 17, trained: 0, abandonedRetry: 2 });
    expect(ledgerBalance(rollout.ledger)).toBe(0);
  });

  test('plays by an injected handler too, which has the model', async () => {
    const toolHandler: ToolHandler = async (_, { model }) =>
      `${(await model.ask('how heavy?', { agent: 'oracle' })).text}!`;
    const rollout = await play(
      terseModel((asked) => (asked.last === 'how heavy?' ? '3 g' : says(asked))),
      {},
      { toolHandler },
    );
    expect(rollout.result.messages.map(textOf)).toContain('3 g!');
    // The main agent’s 8 and 4; what was asked by the way is not for training.
    expect(rollout.ledger).toMatchObject({ trained: 12, notForTraining: 4 });
  });
});
