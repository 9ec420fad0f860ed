import {
  createDirectServer,
  createEmbeddedEngine,
  createEmbeddedPolicy,
  createManagedServer,
  type HostedEnvironment,
  type Rollout,
  readBaseCheckpoint,
} from 'lachesis';
import { beforeAll, describe, expect, test } from 'vitest';
import helpDesk from '../../examples/environments/help-desk.ts';
import { textOf } from '../../src/messages.ts';
import { createChatmlRenderer } from '../../src/models/index.ts';
import { hermesParser } from '../../src/parsers/index.ts';
import { ledgerBalance, sumLedgers } from '../../src/tokens/index.ts';
import { scriptedToolCall, startScriptedOpenAI } from '../support/scripted-openai.ts';
import { callText, host, play, rewardOf, scriptedModel, toolResults } from './support/play.ts';

let environment: HostedEnvironment;
beforeAll(async () => {
  environment = await host(helpDesk);
});

const ITEM = /lamp|chair|kettle|mirror|blanket|candle|basket|ladder/;
const understood = (prompt: string) =>
  [/much/.test(prompt) ? 'price' : 'stock', { item: ITEM.exec(prompt)?.[0] ?? '' }] as const;
const agentsOf = ({ segments }: Rollout): string[] => segments.map(({ agent }) => agent);

describe('a desk and its clerk who', () => {
  test('both understand the question earn 1, and each has a row', async () => {
    const model = scriptedModel(
      (prompt) => toolResults(prompt)[0] ?? callText(...understood(prompt)),
    );
    const played = await play(environment, model, { tasks: 12 });
    for (const { rollouts } of played) {
      const [rollout] = rollouts;
      expect(rewardOf(rollout!)).toBe(1);
      expect(agentsOf(rollout!)).toEqual(['', 'clerk']);
      expect(rollout!.result.toolCalls).toMatchObject({ attempted: 1, executedOk: 1 });
      expect(rollout!.ledger.trained).toBe(rollout!.ledger.sampled);
    }
  });

  test('ask twice side by side have two clerks, who know nothing of each other', async () => {
    const model = scriptedModel((prompt, call) => {
      const one = callText(...understood(prompt));
      return call === 0 ? `${one}\n${one}` : (toolResults(prompt)[0] ?? one);
    });
    const [played] = await play(environment, model);
    const [rollout] = played!.rollouts;
    expect(agentsOf(rollout!)).toEqual(['', 'clerk', 'clerk']);
    expect(rollout!.segments.map(({ reason }) => reason)).toEqual([
      'start',
      'sub_agent',
      'sub_agent',
    ]);
    expect(rewardOf(rollout!)).toBe(1);
  });

  test('get stuck are told so', async () => {
    // The clerk never stops looking; the desk asks once.
    const model = scriptedModel((prompt, call) => {
      if (call === 0 || toolResults(prompt).every((text) => /^\d+$/.test(text))) {
        return callText(...understood(prompt));
      }
      return 'I do not know.';
    });
    const [played] = await play(environment, model);
    const [rollout] = played!.rollouts;
    const told = rollout!.result.messages.filter(({ role }) => role === 'tool').map(textOf);
    expect(told).toEqual(['{"error":"The clerk has no answer: max_turns."}']);
    expect(rewardOf(rollout!)).toBe(0);
  });
});

test('any OpenAI-compatible model can play it', async () => {
  await using api = await startScriptedOpenAI({
    reply: ({ body, index }) => {
      const last = body.messages.at(-1);
      if (last.role === 'tool') return { message: { content: last.content } };
      const call = scriptedToolCall(`c${index}`, ...understood(last.content));
      return { message: { content: null, tool_calls: [call] } };
    },
  });
  const model = createDirectServer({ baseUrl: api.baseUrl, model: 'shopper' });
  try {
    const [played] = await play(environment, model);
    expect(rewardOf(played!.rollouts[0]!)).toBe(1);
    expect(api.requests).toHaveLength(4);
  } finally {
    await model.close();
  }
});

test('the policy that ships with the package plays both, and every token is accounted for', async () => {
  const checkpoint = await readBaseCheckpoint();
  using policy = createEmbeddedPolicy({ checkpoint, seed: 5 });
  const model = createManagedServer({
    engine: createEmbeddedEngine(policy),
    renderer: createChatmlRenderer(checkpoint),
    parser: hermesParser,
  });
  const played = await play(environment, model, { tasks: 25, groupSize: 4, seed: 5, sampling: {} });
  const rollouts = played.flatMap(({ rollouts: group }) => group);
  const withClerk = rollouts.filter((rollout) => agentsOf(rollout).includes('clerk'));
  expect(withClerk.length).toBeGreaterThan(10);
  expect(withClerk.some(({ result }) => result.toolCalls.executedOk > 0)).toBe(true);
  const ledger = sumLedgers(rollouts.map((rollout) => rollout.ledger));
  expect(ledgerBalance(ledger)).toBe(0);
  expect(ledger.trained).toBe(ledger.sampled);
});
