// A store whose prices and stock are drawn afresh for every episode, so that the answer can only
// come from calling the right tool with the right item and using its result.
import { defineEnvironment, generated, tool } from 'lachesis';

type Shelf = 'price' | 'stock';
type Store = Record<Shelf, ReadonlyMap<string, string>>;

const ITEMS = ['lamp', 'chair', 'kettle', 'mirror', 'blanket', 'candle', 'basket', 'ladder'];

const QUESTIONS: Record<Shelf, readonly string[]> = {
  price: ['How much is the ITEM?', 'What does the ITEM cost?', 'Name the price of the ITEM.'],
  stock: [
    'How many of the ITEM are left?',
    'What is the stock of the ITEM?',
    'Count every ITEM we have.',
  ],
};

const lookUp = (shelf: Shelf, description: string) =>
  tool<Store>({
    name: shelf,
    description,
    parameters: { type: 'object', properties: { item: { type: 'string' } }, required: ['item'] },
    execute: ({ item }, { state }) =>
      state[shelf].get(String(item)) ?? { error: `There is no ${String(item)} in this shop.` },
  });

export default defineEnvironment({
  name: 'shop',
  version: '1',
  description: 'Answer a question about an item by looking it up with the right tool.',
  tasks: generated((_, random) => {
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
    const shelf = pick<Shelf>(['price', 'stock']);
    const item = pick(ITEMS);
    return { shelf, item, question: pick(QUESTIONS[shelf]).replace('ITEM', item) };
  }),
  setup: (_task, { random }): Store => {
    const draw = () => new Map(ITEMS.map((item) => [item, String(10 + Math.floor(random() * 90))]));
    return { price: draw(), stock: draw() };
  },
  tools: [
    lookUp('price', 'The price of an item, in coins.'),
    lookUp('stock', 'How many of an item are left.'),
  ],
  prompt: (task) => task.data.question,
  reward: ({ task, state, finalText }) =>
    finalText.trim() === state[task.data.shelf].get(task.data.item) ? 1 : 0,
  solution: (task, { state }) => state[task.data.shelf].get(task.data.item) ?? '',
  maxTurns: 3,
  sampling: { temperature: 1, maxTokens: 24 },
});
