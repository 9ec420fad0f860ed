// The words of the shop task. Values are not here: an episode draws them afresh.

export const shopItems = [
  'lamp',
  'chair',
  'kettle',
  'mirror',
  'blanket',
  'candle',
  'basket',
  'ladder',
] as const;

export type ShopItem = (typeof shopItems)[number];

export const shopTools = [
  {
    name: 'price',
    description: 'The price of an item, in coins.',
    phrasings: [
      'How much is the {item}?',
      'What does the {item} cost?',
      'Name the price of the {item}.',
    ],
  },
  {
    name: 'stock',
    description: 'How many of an item are left.',
    phrasings: [
      'How many of the {item} are left?',
      'What is the stock of the {item}?',
      'Count every {item} we have.',
    ],
  },
] as const;

export type ShopTool = (typeof shopTools)[number];

/** Values lie in [lowestValue, highestValue], so that every answer has two digits. */
export const lowestValue = 10;
export const highestValue = 99;

export function question(tool: ShopTool, phrasing: number, item: ShopItem): string {
  return tool.phrasings[phrasing]!.replace('{item}', item);
}

export function callArguments(item: string): string {
  return `{"item": ${JSON.stringify(item)}}`;
}

/** Optional first messages. The base policy saw these; others work nearly as well. */
export const shopSystemPrompts = [
  'You keep a shop.',
  'Answer with a number only.',
  'Use the tools, then answer with a number.',
] as const;
