// A front desk that hands what it is asked to a clerk, who has the store: a sub-agent with tools and turns
// of its own. Both are the same model, and both are trained on what the answer at the desk earns.
import { defineEnvironment, generated, tool } from 'lachesis';

type Shelf = 'price' | 'stock';
type Store = Record<Shelf, ReadonlyMap<string, string>>;

const ITEMS = ['lamp', 'chair', 'kettle', 'mirror', 'blanket', 'candle', 'basket', 'ladder'];
const QUESTION = { price: 'How much is the ITEM?', stock: 'How many of the ITEM are left?' };
const ABOUT = { price: 'The price of an item, in coins.', stock: 'How many of an item are left.' };
const parameters = { type: 'object', properties: { item: { type: 'string' } }, required: ['item'] };

const lookUp = (shelf: Shelf) =>
  tool<Store>({
    name: shelf,
    description: ABOUT[shelf],
    parameters,
    execute: ({ item }, { state }) =>
      state[shelf].get(String(item)) ?? { error: `There is no ${String(item)} in this shop.` },
  });

const askTheClerk = (shelf: Shelf) =>
  tool<Store>({
    name: shelf,
    description: ABOUT[shelf],
    parameters,
    // A sub-agent takes as long as its turns do.
    timeoutMs: 120_000,
    execute: async ({ item }, { model }) => {
      const { text, stopReason } = await model.run({
        agent: 'clerk',
        prompt: QUESTION[shelf].replace('ITEM', String(item)),
        tools: [lookUp('price'), lookUp('stock')],
        maxTurns: 3,
      });
      return stopReason === 'natural' ? text : { error: `The clerk has no answer: ${stopReason}.` };
    },
  });

export default defineEnvironment({
  name: 'help-desk',
  version: '1',
  description: 'Answer a question about an item with what a clerk, another agent, looks up.',
  tasks: generated((_, random) => {
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
    return { shelf: pick<Shelf>(['price', 'stock']), item: pick(ITEMS) };
  }),
  setup: (_task, { random }): Store => {
    const draw = () => new Map(ITEMS.map((item) => [item, String(10 + Math.floor(random() * 90))]));
    return { price: draw(), stock: draw() };
  },
  tools: [askTheClerk('price'), askTheClerk('stock')],
  prompt: ({ data }) => QUESTION[data.shelf].replace('ITEM', data.item),
  reward: ({ task, state, finalText }) =>
    finalText.trim() === state[task.data.shelf].get(task.data.item) ? 1 : 0,
  solution: (task, { state }) => state[task.data.shelf].get(task.data.item) ?? '',
  maxTurns: 3,
  sampling: { temperature: 1, maxTokens: 24 },
});
