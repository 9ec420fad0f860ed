import type { EmbeddedPolicy, Random, TrainRow } from '../../src/policy/index.ts';
import { continueChatml, encodePieces, randomInt, renderChatml } from '../../src/policy/index.ts';
import type { ShopItem, ShopTool } from './shop-task.ts';
import { highestValue, lowestValue, question, shopItems, shopTools } from './shop-task.ts';

export interface ShopTask {
  readonly tool: ShopTool;
  readonly item: ShopItem;
  readonly text: string;
  /** `values[tool][item]`, drawn for this episode alone. */
  readonly values: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export interface ShopEpisode extends Omit<TrainRow, 'advantage'> {
  readonly logprobs: Float32Array;
  readonly reward: number;
}

export interface PlayOptions {
  readonly temperature: number;
  readonly seed: number;
  /** A system message to put first. Default none. */
  readonly system?: string;
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

/** Plays one episode in process: at most three turns of at most 24 tokens; reward 1 or 0. */
export async function playEpisode(
  policy: EmbeddedPolicy,
  task: ShopTask,
  options: PlayOptions,
): Promise<ShopEpisode> {
  const { tokenizer } = policy;
  const user = { role: 'user', content: task.text } as const;
  const system = { role: 'system', content: options.system ?? '' } as const;
  const messages = options.system === undefined ? [user] : [system, user];
  const ids = [...encodePieces(tokenizer, renderChatml(messages, { addGenerationPrompt: true }))];
  const trained = ids.map(() => 0);
  const logprobs: number[] = [];
  let reward = 0;
  for (let turn = 0; turn < 3; turn++) {
    const turnIds = await policy.generate({
      promptIds: Int32Array.from(ids),
      maxTokens: 24,
      temperature: options.temperature,
      seed: options.seed + turn,
    });
    ids.push(...turnIds.ids);
    trained.push(...turnIds.ids.map(() => 1));
    logprobs.push(...turnIds.logprobs);
    const text = tokenizer.decode(turnIds.ids);
    const body = /^<tool_call>(.*)<\/tool_call><\|im_end\|>$/s.exec(text)?.[1];
    if (body === undefined) {
      const answer = text.replace('<|im_end|>', '');
      reward = answer === task.values[task.tool.name]![task.item] ? 1 : 0;
      break;
    }
    if (turn === 2) break;
    const result = { role: 'tool', content: runCall(task, body) } as const;
    const next = encodePieces(tokenizer, continueChatml(ids.at(-1), [result]));
    ids.push(...next);
    trained.push(...next.map(() => 0));
  }
  return {
    tokenIds: Int32Array.from(ids),
    trained: Uint8Array.from(trained),
    logprobs: Float32Array.from(logprobs),
    reward,
  };
}

function runCall(task: ShopTask, body: string): string {
  try {
    const call = JSON.parse(body) as { name: string; arguments: { item: string } };
    return task.values[call.name]?.[call.arguments.item] ?? 'error: no such tool or item';
  } catch {
    return 'error: that call cannot be read';
  }
}
