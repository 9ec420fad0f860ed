import { LachesisError } from 'lachesis';
import { describe, expect, test } from 'vitest';
import letterCounting from '../../examples/environments/letter-counting.ts';
import { host, play, rewardOf, scriptedModel } from './support/play.ts';

interface Question {
  readonly word: string;
  readonly letter: string;
}

const QUESTION = /How many times is the letter "(.)" in "(.+)"\?/;

/** Counts place by place, as the reward does not. */
function countIn(prompt: string): number {
  const [, letter, word = ''] = QUESTION.exec(prompt) ?? [];
  return [...word].filter((place) => place === letter).length;
}

async function questions(settings = {}, count = 300): Promise<Question[]> {
  const { tasks } = await host(letterCounting, settings);
  const taken: Question[] = [];
  for await (const { data } of tasks.tasks()) {
    taken.push(data as unknown as Question);
    if (taken.length === count) break;
  }
  return taken;
}

describe('a speller who', () => {
  test.each([
    ['counts right earns 1', 'It is there COUNT times.', 1],
    ['says the number alone earns 1', 'COUNT', 1],
    ['spells before it counts earns 1', 'a, 1; b, 2: COUNT', 1],
    ['says no number earns 0', 'Some.', 0],
    ['says nothing earns 0', '', 0],
    ['ends with another number earns 0', 'COUNT of 999', 0],
  ])('%s', async (_, answer, reward) => {
    const model = scriptedModel((prompt) => answer.replace('COUNT', String(countIn(prompt))));
    const played = await play(await host(letterCounting), model, { tasks: 20 });
    expect(played.map(({ rollouts }) => rewardOf(rollouts[0]!))).toEqual(Array(20).fill(reward));
  });

  test('is one off earns 0', async () => {
    const model = scriptedModel((prompt) => String(countIn(prompt) + 1));
    const played = await play(await host(letterCounting), model, { tasks: 20 });
    expect(played.map(({ rollouts }) => rewardOf(rollouts[0]!))).toEqual(Array(20).fill(0));
  });
});

test('a model that fails has no score', async () => {
  const model = scriptedModel(() => {
    throw new LachesisError('model_error', 'the reply was refused', { reason: 'REFUSED' });
  });
  const [played] = await play(await host(letterCounting), model);
  expect(played!.rollouts[0]!.outcome).toMatchObject({
    kind: 'not_scored',
    failure: { kind: 'model_error' },
  });
});

test('words are as long as the settings say, and the same again for the same seed', async () => {
  const short = await questions({ minLength: 3, maxLength: 4 });
  expect(new Set(short.map(({ word }) => word.length))).toEqual(new Set([3, 4]));
  expect(await questions({ minLength: 3, maxLength: 4 })).toEqual(short);
  expect(await questions({ minLength: 3, maxLength: 4, seed: 1 })).not.toEqual(short);
});

test('answers range from 0 upwards', async () => {
  const counts = (await questions()).map(({ word, letter }) => word.split(letter).length - 1);
  for (const count of [0, 1, 2, 3]) expect(counts).toContain(count);
});

test('lengths the wrong way round are refused', async () => {
  await expect(host(letterCounting, { minLength: 9, maxLength: 8 })).rejects.toMatchObject({
    kind: 'invalid_input',
    message: expect.stringContaining('minLength'),
  });
});
