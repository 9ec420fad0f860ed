import { continueChatml, encodePieces, renderChatml } from '../../src/policy/chat-template.ts';
import type { DecodingScratch } from '../../src/policy/decoding.ts';
import { advance, createDecoding } from '../../src/policy/decoding.ts';
import type { Random } from '../../src/policy/random.ts';
import { createRandom, randomInt } from '../../src/policy/random.ts';
import { specialId } from '../../src/policy/special-tokens.ts';
import type { Tokenizer } from '../../src/policy/tokenizer.ts';
import type { Weights } from '../../src/policy/weights.ts';
import type { ShopItem, ShopTool } from './shop-task.ts';
import { highestValue, lowestValue, question, shopItems, shopTools } from './shop-task.ts';

export interface ShopTask {
  readonly tool: ShopTool;
  readonly item: ShopItem;
  readonly text: string;
  /** `values[tool][item]`. */
  readonly values: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export interface ShopEpisode {
  readonly ids: number[];
  readonly trained: number[];
  readonly logprobs: number[];
  readonly reward: number;
}

export function drawTask(random: Random): ShopTask {
  const tool = shopTools[randomInt(random, shopTools.length)]!;
  const item = shopItems[randomInt(random, shopItems.length)]!;
  const draw = (): string =>
    String(lowestValue + randomInt(random, highestValue - lowestValue + 1));
  const values = Object.fromEntries(
    shopTools.map(({ name }) => [name, Object.fromEntries(shopItems.map((key) => [key, draw()]))]),
  );
  const text = question(tool, randomInt(random, tool.phrasings.length), item);
  return { tool, item, text, values };
}

export interface PlayOptions {
  readonly weights: Weights;
  readonly tokenizer: Tokenizer;
  readonly scratch: DecodingScratch;
  readonly temperature: number;
  readonly seed: number;
  /** A system message to put first. Default none. */
  readonly system?: string;
}

/** Plays one episode in process: at most three turns of at most 24 tokens; reward 1 or 0. */
export function playEpisode(task: ShopTask, options: PlayOptions): ShopEpisode {
  const { tokenizer, weights, scratch, temperature } = options;
  const random = createRandom(options.seed);
  const user = { role: 'user', content: task.text } as const;
  const system = { role: 'system', content: options.system ?? '' } as const;
  const messages = options.system === undefined ? [user] : [system, user];
  const episode = { trained: [] as number[], logprobs: [] as number[] };
  let ids = [...encodePieces(tokenizer, renderChatml(messages, { addGenerationPrompt: true }))];
  for (let turn = 0; turn < 3; turn++) {
    const decoding = createDecoding({
      weights,
      promptIds: Int32Array.from(ids),
      sampling: { temperature, topP: 1, topK: 0, logprobMode: 'processed' },
      random,
      maxTokens: 24,
      stopTokenIds: new Set([specialId('<|im_end|>')]),
      topLogprobs: 0,
    });
    while (decoding.finish === undefined) advance(decoding, 64, scratch);
    while (episode.trained.length < ids.length) episode.trained.push(0);
    ids = [...ids, ...decoding.ids];
    while (episode.trained.length < ids.length) episode.trained.push(1);
    for (const logprob of decoding.logprobs) episode.logprobs.push(logprob);
    const text = tokenizer.decode(decoding.ids);
    const body = /^<tool_call>(.*)<\/tool_call><\|im_end\|>$/s.exec(text)?.[1];
    if (body === undefined) {
      const answer = text.replace('<|im_end|>', '');
      const reward = answer === task.values[task.tool.name]![task.item] ? 1 : 0;
      return { ...episode, ids, reward };
    }
    const content = runCall(task, body);
    const next = continueChatml(decoding.ids.at(-1), [{ role: 'tool', content }]);
    ids = [...ids, ...encodePieces(tokenizer, next)];
  }
  return { ...episode, ids: ids.slice(0, episode.trained.length), reward: 0 };
}

function runCall(task: ShopTask, body: string): string {
  try {
    const call = JSON.parse(body) as { name: string; arguments: { item: string } };
    return task.values[call.name]?.[call.arguments.item] ?? 'error: no such tool or item';
  } catch {
    return 'error: that call cannot be read';
  }
}
