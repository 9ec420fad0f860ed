import { createRandom } from '../../src/policy/random.ts';
import { Tokenizer } from '../../src/policy/tokenizer.ts';
import { annotate, perfectHabits } from './annotator.ts';
import { learnPieces } from './learn-pieces.ts';
import { prose } from './prose.ts';
import { shopItems, shopTools } from './shop-task.ts';

/** The shipped vocabulary: 256 bytes, 9 special tokens and 90 learned pieces. */
export function baseTokenizer(): Tokenizer {
  const random = createRandom(1);
  const texts: string[] = [];
  for (let i = 0; i < 400; i++) {
    const habits = i % 4 === 0 ? { ...perfectHabits, guessesAtOnce: 1 } : perfectHabits;
    for (const part of annotate(random, habits)) {
      for (const piece of part.pieces) if (!piece.special) texts.push(piece.text);
    }
  }
  const words = prose.replaceAll('\n', ' ');
  for (let i = 0; i < 10; i++) texts.push(words);
  const atoms = [...shopItems, ...shopTools.map((tool) => tool.name)];
  return new Tokenizer(learnPieces(texts, atoms, 90));
}
