import type { Checkpoint } from '../../src/policy/index.ts';
import { Tokenizer } from '../../src/policy/index.ts';
import type { ModelShape } from '../../src/policy/shape.ts';
import type { Weights } from '../../src/policy/weights.ts';
import { initialWeights } from '../../src/policy/weights.ts';

export const tinyTokenizer = new Tokenizer(['the ', 'lamp', '\n{"name": "', 'user', 'assistant']);

/** A model with random weights: right for everything but language. */
export function tinyWeights(seed = 1, sizes: Partial<ModelShape> = {}): Weights {
  const shape = { vocabularySize: tinyTokenizer.vocabularySize, width: 8, hidden: 12 };
  return initialWeights({ ...shape, slopes: [0.02, 0.2], ...sizes }, seed);
}

export function tinyCheckpoint(seed = 1): Checkpoint {
  return { name: 'tiny', tokenizer: tinyTokenizer, weights: tinyWeights(seed) };
}
