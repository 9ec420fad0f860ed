import type { Rollout } from 'lachesis';
import {
  createDirectServer,
  createEmbeddedEngine,
  createEmbeddedPolicy,
  createManagedServer,
  type HostedEnvironment,
  readBaseCheckpoint,
} from 'lachesis';
import { beforeAll, describe, expect, test } from 'vitest';
import shop from '../../examples/environments/shop.ts';
import { textOf } from '../../src/messages.ts';
import { createChatmlRenderer } from '../../src/models/index.ts';
import { hermesParser } from '../../src/parsers/index.ts';
import { scriptedToolCall, startScriptedOpenAI } from '../support/scripted-openai.ts';
import { callText, host, play, rewardOf, scriptedModel, toolResults } from './support/play.ts';

interface ShopTask {
  readonly shelf: 'price' | 'stock';
  readonly item: string;
  readonly question: string;
}

let environment: HostedEnvironment;
beforeAll(async () => {
  environment = await host(shop);
});

/** What a shopper who understood the question would call. */
function understood(prompt: string): ShopTask {
  const question = prompt.match(/<\|im_start\|>user\n(.*)<\|im_end\|>/)?.[1] ?? prompt;
  const item = /lamp|chair|kettle|mirror|blanket|candle|basket|ladder/.exec(question)?.[0] ?? '';
  return { shelf: /much|cost|price/.test(question) ? 'price' : 'stock', item, question };
}

const other = { price: 'stock', stock: 'price' } as const;

function toolTexts(rollout: Rollout | undefined): string[] {
  return (rollout?.result.messages ?? []).filter(({ role }) => role === 'tool').map(textOf);
}

describe('a shopper who', () => {
  test('calls the right tool with the right item and says its result earns 1', async () => {
    const { tokenizer } = await readBaseCheckpoint();
    const model = scriptedModel((prompt) => {
      const { shelf, item } = understood(prompt);
      return toolResults(prompt)[0] ?? callText(shelf, { item });
    }, tokenizer);
    // The environment's own 24 tokens a turn are enough for the policy that it was made for.
    const played = await play(environment, model, { tasks: 24, sampling: {} });
    for (const { task, rollouts } of played) {
      expect(rollouts.map(rewardOf), JSON.stringify(task.data)).toEqual([1]);
      expect(rollouts[0]?.result.stopReason).toBe('natural');
    }
    const shelves = new Set(played.map(({ task }) => (task.data as unknown as ShopTask).shelf));
    expect(shelves.size).toBe(2);
  });

  test('guesses, without a call, earns 0', async () => {
    const [played] = await play(
      environment,
      scriptedModel(() => 'none'),
    );
    expect(rewardOf(played!.rollouts[0]!)).toBe(0);
    expect(played!.rollouts[0]!.result.toolCalls.attempted).toBe(0);
  });

  test('calls the wrong tool and believes it earns 0, but for chance', async () => {
    const model = scriptedModel((prompt) => {
      const { shelf, item } = understood(prompt);
      return toolResults(prompt)[0] ?? callText(other[shelf], { item });
    });
    const played = await play(environment, model, { tasks: 24 });
    const rewards = played.flatMap(({ rollouts }) => rollouts.map(rewardOf));
    // The two shelves hold the same number once in 90 times.
    expect(rewards.filter((reward) => reward === 1).length).toBeLessThanOrEqual(2);
  });

  test.each(['sofa', 'Lamp', 'constructor', '__proto__', ''])(
    'asks for "%s" is told that there is none, and goes on',
    async (wrong) => {
      const model = scriptedModel((prompt) => {
        const { shelf, item } = understood(prompt);
        const results = toolResults(prompt);
        return results[1] ?? callText(shelf, { item: results.length === 0 ? wrong : item });
      });
      const [played] = await play(environment, model);
      const rollout = played!.rollouts[0]!;
      expect(JSON.parse(toolTexts(rollout)[0]!)).toEqual({
        error: `There is no ${wrong} in this shop.`,
      });
      expect(rewardOf(rollout)).toBe(1);
      expect(rollout.result.toolCalls).toMatchObject({ attempted: 2, executedOk: 1, execError: 1 });
    },
  );

  test('never stops asking is stopped after three turns, with 0', async () => {
    const model = scriptedModel((prompt) => {
      const { shelf, item } = understood(prompt);
      return callText(shelf, { item });
    });
    const [played] = await play(environment, model);
    expect(played!.rollouts[0]!.result).toMatchObject({ stopReason: 'max_turns' });
    expect(played!.rollouts[0]!.result.turns).toHaveLength(3);
    expect(rewardOf(played!.rollouts[0]!)).toBe(0);
  });
});

test('the answer is drawn afresh for every episode, and the same again for the same seed', async () => {
  const model = scriptedModel((prompt) => {
    const { shelf, item } = understood(prompt);
    return toolResults(prompt)[0] ?? callText(shelf, { item });
  });
  const answersOf = async (seed: number) => {
    const [played] = await play(environment, model, { groupSize: 16, seed });
    return played!.rollouts.map((rollout) => toolTexts(rollout)[0]!);
  };
  const first = await answersOf(1);
  expect(new Set(first).size).toBeGreaterThan(8);
  for (const answer of first) expect(answer).toMatch(/^[1-9]\d$/);
  expect(await answersOf(1)).toEqual(first);
  expect(await answersOf(2)).not.toEqual(first);
});

test('tasks are drawn over both shelves, all items and all phrasings', async () => {
  const seen = new Set<string>();
  for await (const { data } of environment.tasks.tasks()) {
    seen.add((data as unknown as ShopTask).question);
    if (seen.size === 48) break;
  }
  expect(seen.size).toBe(48);
});

test('any OpenAI-compatible model can play it', async () => {
  await using api = await startScriptedOpenAI({
    reply: ({ body }) => {
      const last = body.messages.at(-1);
      if (last.role === 'tool') return { message: { content: ` ${last.content}\n` } };
      const { shelf, item } = understood(last.content);
      return { message: { content: null, tool_calls: [scriptedToolCall('c', shelf, { item })] } };
    },
  });
  const model = createDirectServer({ baseUrl: api.baseUrl, model: 'shopper' });
  try {
    const [played] = await play(environment, model, { groupSize: 4 });
    expect(played!.rollouts.map(rewardOf)).toEqual([1, 1, 1, 1]);
    expect(api.requests).toHaveLength(8);
    expect(
      api.requests[0]?.body.tools.map((tool: { function: { name: string } }) => tool.function.name),
    ).toEqual(['price', 'stock']);
  } finally {
    await model.close();
  }
});

test('the policy that ships with the package knows the form and not the answers', async () => {
  const checkpoint = await readBaseCheckpoint();
  using policy = createEmbeddedPolicy({ checkpoint, seed: 5 });
  const model = createManagedServer({
    engine: createEmbeddedEngine(policy),
    renderer: createChatmlRenderer(checkpoint),
    parser: hermesParser,
  });
  const played = await play(environment, model, { tasks: 50, groupSize: 4, seed: 5, sampling: {} });
  const rollouts = played.flatMap(({ rollouts: group }) => group);
  const success = rollouts.reduce((sum, rollout) => sum + rewardOf(rollout), 0) / rollouts.length;
  expect(rollouts).toHaveLength(200);
  expect(success).toBeGreaterThan(0);
  expect(success).toBeLessThan(0.2);
  expect(rollouts.some(({ result }) => result.toolCalls.executedOk > 0)).toBe(true);
});
