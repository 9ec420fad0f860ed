// How often does a letter occur in a word? Made up without end, so that nothing can be memorised.
import { defineEnvironment, finalNumber, generated } from 'lachesis';
import { z } from 'zod';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz';

/** Any letter, but one that the word already has for `repeats` of all places. */
function makeWord(length: number, repeats: number, random: () => number): string {
  let word = '';
  while (word.length < length) {
    const from = word !== '' && random() < repeats ? word : ALPHABET;
    word += from[Math.floor(random() * from.length)];
  }
  return word;
}

const count = ({ word, letter }: { word: string; letter: string }): number =>
  word.split(letter).length - 1;

export default defineEnvironment({
  name: 'letter-counting',
  version: '1',
  description: 'Count how often a letter occurs in a made-up word.',
  settings: z
    .object({
      minLength: z.number().int().min(1).default(5),
      maxLength: z.number().int().max(200).default(20),
      repeats: z.number().min(0).max(1).default(0.4).describe('Share of letters that come again.'),
      seed: z.number().int().default(0).describe('Another seed makes other words.'),
    })
    .refine((lengths) => lengths.minLength <= lengths.maxLength, 'minLength is above maxLength'),
  tasks: ({ minLength, maxLength, repeats, seed }) =>
    generated(
      (_, random) => {
        const length = minLength + Math.floor(random() * (maxLength - minLength + 1));
        const word = makeWord(length, repeats, random);
        // One question in four is about any letter, which is rarely in the word.
        const from = random() < 0.25 ? ALPHABET : word;
        return { word, letter: from[Math.floor(random() * from.length)] as string };
      },
      { seed },
    ),
  systemPrompt: 'Spell the word, count, and end with the number alone.',
  prompt: ({ data: { word, letter } }) => `How many times is the letter "${letter}" in "${word}"?`,
  reward: ({ task, finalText }) => (finalNumber(finalText) === count(task.data) ? 1 : 0),
  solution: (task) => String(count(task.data)),
  maxTurns: 1,
});
