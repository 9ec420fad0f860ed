// What does a trip cost? Three tools, some of which can be called side by side in one turn. Every
// episode draws its own prices, so the answer can only come from the tools.
import { defineEnvironment, finalNumber, generated, type ToolContext, tool } from 'lachesis';
import { z } from 'zod';

const CURRENCY = { Oslo: 'NOK', Tokyo: 'JPY', London: 'GBP', Zurich: 'CHF', Prague: 'CZK' };
type City = keyof typeof CURRENCY;
const CITIES = Object.keys(CURRENCY) as City[];
const city = z.enum(CITIES);

/** By city; `rates` by currency, in euros for one unit. */
type Prices = Readonly<Record<'flights' | 'hotels' | 'rates', Readonly<Record<string, number>>>>;
type Context = ToolContext<Prices>;

type Trip = Readonly<Record<'from' | 'to', City> & { nights: number }>;
function cost({ from, to, nights }: Trip, { flights, hotels, rates }: Prices): number {
  const euros = (price = 0, at: City) => price * (rates[CURRENCY[at]] ?? 0);
  return euros(flights[to], from) + nights * euros(hotels[to], to);
}

export default defineEnvironment({
  name: 'tool-use',
  version: '1',
  description: 'Work out what a trip costs from prices and rates that tools look up.',
  tasks: generated((_, random) => {
    const start = Math.floor(random() * CITIES.length);
    const away = 1 + Math.floor(random() * (CITIES.length - 1));
    const [from, to] = [CITIES[start], CITIES[(start + away) % CITIES.length]] as [City, City];
    return { from, to, nights: 2 + Math.floor(random() * 6) };
  }),
  setup: (_task, { random }): Prices => {
    const draw = (names: readonly string[], least: number, most: number) =>
      Object.fromEntries(names.map((key) => [key, least + Math.floor(random() * (most - least))]));
    const rates = draw(Object.values(CURRENCY), 2, 10);
    return { flights: draw(CITIES, 100, 900), hotels: draw(CITIES, 40, 300), rates };
  },
  tools: [
    tool({
      name: 'flight',
      description: 'The price of a return flight, in the currency of the city where it begins.',
      parameters: z.object({ from: city, to: city }),
      execute: ({ from, to }, { state }: Context) =>
        from === to
          ? { error: 'A flight needs two cities.' }
          : { price: state.flights[to] as number, currency: CURRENCY[from] },
    }),
    tool({
      name: 'hotel',
      description: 'The price of a night in a hotel, in the currency of its city.',
      parameters: z.object({ city }),
      execute: (args, { state }: Context) => ({
        price: state.hotels[args.city] as number,
        currency: CURRENCY[args.city],
      }),
    }),
    tool({
      name: 'rate',
      description: 'How many euros one unit of a currency is worth.',
      parameters: z.object({ currency: z.enum(Object.values(CURRENCY)) }),
      execute: ({ currency }, { state }: Context) => state.rates[currency] as number,
    }),
  ],
  systemPrompt: 'Look everything up; call tools side by side. End with the number alone.',
  prompt: ({ data: { from, to, nights } }) =>
    `What do a return flight from ${from} to ${to} and ${nights} nights there cost in euros?`,
  reward: ({ task, state, finalText, result }) => {
    const correct = finalNumber(finalText) === cost(task.data, state) ? 1 : 0;
    // Prices in one turn, rates in the next, then the answer: only calls side by side do that.
    const quick = correct === 1 && result.turnsUsed <= 3 ? 1 : 0;
    return {
      components: [
        { name: 'correct', value: correct, weight: 0.8 },
        { name: 'quick', value: quick, weight: 0.2 },
      ],
    };
  },
  solution: (task, { state }) => String(cost(task.data, state)),
  maxTurns: 8,
});
