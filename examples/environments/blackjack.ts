// Blackjack against a dealer who draws to 17. The hands dealt are the task's, so that a group plays
// one situation; the cards drawn after them are each episode's own luck.
import { defineEnvironment, generated, tool } from 'lachesis';

interface Game {
  readonly draw: () => number;
  readonly player: number[];
  readonly dealer: number[];
  over: boolean;
}

/** From an endless shoe: an ace is 1, and jack, queen and king are 10. */
const card = (random: () => number): number => Math.min(10, 1 + Math.floor(random() * 13));

/** An ace counts 11 while that does not go over 21. */
export function points(hand: readonly number[]): number {
  const sum = hand.reduce((total, value) => total + value, 0);
  return hand.includes(1) && sum <= 11 ? sum + 10 : sum;
}

const shown = (hand: readonly number[]): string =>
  `${hand.map((value) => (value === 1 ? 'ace' : value)).join(', ')} (${points(hand)})`;

/** 1 for a win, 0 for a draw, -1 for a loss; a game that was not played to its end is lost. */
export function outcome({ over, player, dealer }: Omit<Game, 'draw'>): number {
  if (!over || points(player) > 21) return -1;
  if (points(dealer) > 21) return 1;
  return Math.sign(points(player) - points(dealer));
}

const move = (name: string, description: string, play: (game: Game) => string) =>
  tool<Game>({
    name,
    description,
    parameters: { type: 'object', properties: {} },
    execute: (_, { state }) => (state.over ? { error: 'The game is over.' } : play(state)),
  });

export default defineEnvironment({
  name: 'blackjack',
  version: '1',
  description: 'Play a hand of blackjack: hit or stand.',
  tasks: generated((_, random) => ({
    player: [card(random), card(random)],
    dealer: [card(random)],
  })),
  setup: ({ data }, { random }): Game => ({
    draw: () => card(random),
    player: [...data.player],
    dealer: [...data.dealer],
    over: false,
  }),
  tools: [
    move('hit', 'Take another card.', (game) => {
      game.player.push(game.draw());
      game.over = points(game.player) > 21;
      return `You have ${shown(game.player)}${game.over ? ': bust' : ''}.`;
    }),
    move('stand', 'Take no more cards; the dealer plays.', (game) => {
      while (points(game.dealer) < 17) game.dealer.push(game.draw());
      game.over = true;
      return `You have ${shown(game.player)}, the dealer ${shown(game.dealer)}.`;
    }),
  ],
  systemPrompt: 'You play blackjack. Call `hit` or `stand` until the game is over.',
  prompt: (_, { state }) =>
    `You have ${shown(state.player)}. The dealer shows ${shown(state.dealer)}.`,
  isDone: ({ state }) => state.over,
  reward: ({ state }) => outcome(state),
  maxTurns: 12,
});
