// Checked by tsc, never run: what `tool` infers from its parameters.
import {
  type AssistantMessage,
  createToolRegistry,
  defineEnvironment,
  type JsonObject,
  type JsonValue,
  type StopReason,
  type ToolContext,
  type ToolHandler,
  type ToolModel,
  tool,
} from 'lachesis';
import { z } from 'zod';
import { sameType } from './same-type.ts';

interface Store {
  readonly coins: number;
}

// The arguments are what the schema gives: defaults and transforms applied.
tool({
  name: 'search',
  description: '',
  parameters: z.object({
    query: z.string(),
    limit: z.number().default(10),
    sort: z.enum(['date', 'name']).optional(),
    tags: z.array(z.string()),
  }),
  execute: (args, { rolloutId, turn, signal, state }) => {
    sameType<
      typeof args,
      { query: string; limit: number; sort?: 'date' | 'name' | undefined; tags: string[] }
    >();
    sameType<typeof rolloutId, string>();
    sameType<typeof turn, number>();
    sameType<typeof signal, AbortSignal>();
    sameType<typeof state, unknown>();
    return args.query;
  },
});

// JSON Schema describes and does not type: the arguments are JSON.
tool({
  name: 'plain',
  description: '',
  parameters: { type: 'object', properties: { item: { type: 'string' } }, required: ['item'] },
  execute: (args) => {
    sameType<typeof args, JsonObject>();
    const { item } = args;
    sameType<typeof item, JsonValue | undefined>();
    return String(item);
  },
});

// A state is typed by its context, or by the type argument of a tool with JSON Schema.
const buy = tool({
  name: 'buy',
  description: '',
  parameters: z.object({ item: z.string() }),
  execute: ({ item }, { state }: ToolContext<Store>) => {
    sameType<typeof item, string>();
    sameType<typeof state, Store>();
    return { coins: state.coins };
  },
});
// So are the settings.
tool({
  name: 'count',
  description: '',
  parameters: z.object({}),
  execute: (_args, { settings }: ToolContext<Store, { most: number }>) => {
    sameType<typeof settings, { most: number }>();
    return settings.most;
  },
});
const sell = tool<Store>({
  name: 'sell',
  description: '',
  parameters: { type: 'object' },
  execute: (_args, { state }) => {
    sameType<typeof state, Store>();
    return state.coins;
  },
});

// The rollout's own model: one call of it, and an agent of its own.
tool({
  name: 'ask',
  description: '',
  parameters: z.object({}),
  execute: async (_args, { model }) => {
    sameType<typeof model, ToolModel>();
    const { text, message, finishReason } = await model.ask('x', { purpose: 'act', tools: [] });
    sameType<typeof text, string>();
    sameType<typeof message, AssistantMessage>();
    sameType<typeof finishReason, string>();
    const { stopReason, turns } = await model.run({ agent: 'a', prompt: 'x', tools: [buy] });
    sameType<typeof stopReason, StopReason>();
    sameType<typeof turns, number>();
    // @ts-expect-error a sub-agent has a name
    await model.run({ prompt: 'x' });
    // @ts-expect-error what a model is offered is a definition
    await model.ask('x', { tools: [buy] });
    return text;
  },
});

// Any JSON is an answer, at once or later.
for (const execute of [() => 'text', () => 1, () => null, async () => ({ a: [1, 'b', true] })]) {
  tool({ name: 'x', description: '', parameters: z.object({}), execute });
}

defineEnvironment({
  name: 'shop',
  tasks: [{ data: 0 }],
  setup: (): Store => ({ coins: 3 }),
  tools: [buy, sell],
  prompt: () => '',
  reward: ({ state }) => {
    sameType<typeof state, Store>();
    return state.coins;
  },
});

const registry = createToolRegistry([buy, sell]);
sameType<typeof registry.handleFunctionCall, ToolHandler>();
export const handler: ToolHandler = async ({ name, arguments: args }, { signal }) => {
  sameType<typeof args, JsonObject>();
  sameType<typeof signal, AbortSignal>();
  return name;
};
// @ts-expect-error a handler answers with text
export const wordless: ToolHandler = async () => 1;

// @ts-expect-error a tool has a description
tool({ name: 'x', parameters: z.object({}), execute: () => '' });
tool({
  name: 'x',
  description: '',
  parameters: z.object({ a: z.number() }),
  // @ts-expect-error the arguments have no b
  execute: ({ b }) => String(b),
});
tool({
  name: 'x',
  description: '',
  parameters: z.object({ a: z.number() }),
  // @ts-expect-error a number has no length
  execute: ({ a }) => String(a.length),
});
// @ts-expect-error an answer is JSON, and a bigint is none
tool({ name: 'x', description: '', parameters: z.object({}), execute: () => 1n });
// @ts-expect-error an answer is something
tool({ name: 'x', description: '', parameters: z.object({}), execute: () => {} });
