import { LachesisError, type Rollout } from 'lachesis';
import { describe, expect, test } from 'vitest';
import blackjack, { outcome, points } from '../../examples/environments/blackjack.ts';
import { textOf } from '../../src/messages.ts';
import { callText, host, play, rewardOf, scriptedModel, toolResults } from './support/play.ts';

test.each([
  [[1, 10], 21],
  [[1, 1], 12],
  [[1, 5, 10], 16],
  [[1, 1, 9], 21],
  [[10, 10], 20],
  [[10, 10, 2], 22],
  [[], 0],
])('the hand %j is %d points', (hand, value) => {
  expect(points(hand)).toBe(value);
});

test.each([
  ['more points than the dealer', true, [10, 9], [10, 8], 1],
  ['a dealer who is bust', true, [10, 2], [10, 6, 10], 1],
  ['as many points', true, [10, 9], [10, 9], 0],
  ['fewer points', true, [10, 8], [10, 9], -1],
  ['a hand that is bust', true, [10, 9, 5], [10], -1],
  ['a game that was left', false, [10, 10], [10], -1],
])('%s', (_, over, player, dealer, value) => {
  expect(outcome({ over, player, dealer })).toBe(value);
});

/** The points that the player was last told of. */
const own = (prompt: string): number =>
  Number([...prompt.matchAll(/You have .*?\((\d+)\)/g)].at(-1)?.[1]);
/** Stands from `least` points on. */
const player = (least: number) =>
  scriptedModel((prompt) => callText(own(prompt) >= least ? 'stand' : 'hit', {}));

const toolTexts = ({ result }: Rollout): string[] =>
  result.messages.filter(({ role }) => role === 'tool').map(textOf);

describe('a player who', () => {
  test('stands at 17 ends every game, and does better than one who never stands', async () => {
    const environment = await host(blackjack);
    const mean = async (least: number) => {
      const played = await play(environment, player(least), { tasks: 40 });
      const rollouts = played.flatMap(({ rollouts }) => rollouts);
      for (const { result } of rollouts) expect(result.stopReason).toBe('environment_done');
      return rollouts.reduce((sum, rollout) => sum + rewardOf(rollout), 0) / rollouts.length;
    };
    const [careful, reckless] = [await mean(17), await mean(22)];
    expect(reckless).toBe(-1);
    expect(careful).toBeGreaterThan(-0.5);
  });

  test('earns what the table says', async () => {
    const played = await play(await host(blackjack), player(17), { tasks: 40 });
    for (const { rollouts } of played) {
      const last = toolTexts(rollouts[0]!).at(-1)!;
      const [mine = 0, dealers = 0] = [...last.matchAll(/\((\d+)\)/g)].map(([, n]) => Number(n));
      const won = mine <= 21 && (dealers > 21 || mine > dealers);
      expect(rewardOf(rollouts[0]!), last).toBe(won ? 1 : mine === dealers ? 0 : -1);
    }
  });

  test('talks instead of playing loses', async () => {
    const model = scriptedModel(() => 'I have a good feeling.');
    const [played] = await play(await host(blackjack), model);
    expect(rewardOf(played!.rollouts[0]!)).toBe(-1);
  });

  test('calls both at once is told when the game is over, and cannot undo it', async () => {
    const both = `${callText('stand', {})}\n${callText('hit', {})}`;
    const [played] = await play(
      await host(blackjack),
      scriptedModel((prompt) => (toolResults(prompt).length === 0 ? both : 'never asked')),
    );
    const rollout = played!.rollouts[0]!;
    const [stood = '', hit = ''] = toolTexts(rollout);
    expect(stood).toMatch(/^You have .*, the dealer /);
    expect(JSON.parse(hit)).toEqual({ error: 'The game is over.' });
    expect(rollout.result.stopReason).toBe('environment_done');
    expect(rollout.result.turns).toHaveLength(1);
  });
});

test('a model that fails in the middle of a game has no score', async () => {
  const model = scriptedModel((prompt) => {
    if (toolResults(prompt).length > 0)
      throw new LachesisError('model_error', 'the reply was refused', { reason: 'REFUSED' });
    return callText('hit', {});
  });
  const played = await play(await host(blackjack), model, { tasks: 8 });
  const broken = played.map(({ rollouts }) => rollouts[0]!.outcome);
  expect(broken.filter(({ kind }) => kind === 'not_scored').length).toBeGreaterThan(0);
  // Whoever was bust at the first card had lost before the model failed.
  for (const end of broken) if (end.kind === 'scored') expect(end.reward).toBe(-1);
});

test('a group is dealt one situation and draws its own cards, the same again for its seed', async () => {
  const environment = await host(blackjack);
  const games = async (seed: number) => {
    const [played] = await play(environment, player(17), { groupSize: 8, seed });
    return played!.rollouts.map(({ result }) => ({
      dealt: textOf(result.messages.find(({ role }) => role === 'user')!),
      moves: result.messages
        .filter(({ role }) => role === 'tool')
        .map(textOf)
        .join(' '),
    }));
  };
  const first = await games(1);
  expect(new Set(first.map(({ dealt }) => dealt)).size).toBe(1);
  expect(new Set(first.map(({ moves }) => moves)).size).toBeGreaterThan(3);
  expect(await games(1)).toEqual(first);
  expect(await games(2)).not.toEqual(first);
});
