// A tool environment that a model of 135M parameters can play: its conversation opens with two rounds
// that show how it goes.
import { defineEnvironment, type Message, textContent, tool } from 'lachesis';

const PRICES: Readonly<Record<string, string>> = { lamp: '41', chair: '57', kettle: '23' };

const question = (item: string): Message => ({
  role: 'user',
  content: textContent(`How much is the ${item}?`),
});

const round = (item: string, price: string): readonly Message[] => [
  question(item),
  {
    role: 'assistant',
    content: [],
    toolCalls: [{ id: item, name: 'price', argumentsText: `{"item": "${item}"}` }],
  },
  { role: 'tool', toolCallId: item, toolName: 'price', content: textContent(price) },
  { role: 'assistant', content: textContent(price), toolCalls: [] },
];

/** Four rounds that show how it goes, and the task's own question. */
export const conversation = (item: string): readonly Message[] => [
  ...round('mirror', '32'),
  ...round('basket', '18'),
  ...round('ladder', '64'),
  ...round('candle', '35'),
  question(item),
];

export const PRICE = {
  name: 'price',
  description: 'The price of an item.',
  parameters: { type: 'object', properties: { item: { type: 'string' } }, required: ['item'] },
} as const;

export default defineEnvironment({
  name: 'price-list',
  version: '1',
  tasks: Object.keys(PRICES).map((item) => ({ key: item, data: { item } })),
  tools: [
    tool({
      ...PRICE,
      execute: ({ item }) => PRICES[String(item)] ?? { error: 'There is no such item.' },
    }),
  ],
  prompt: (task) => conversation(task.data.item),
  reward: ({ task, finalText }) => (finalText.trim() === PRICES[task.data.item] ? 1 : 0),
  maxTurns: 3,
  sampling: { temperature: 1, maxTokens: 32 },
});
