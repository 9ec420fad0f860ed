import { encodePieces } from '../../src/policy/chat-template.ts';
import { adamStep, createAdamState } from '../../src/policy/optimiser.ts';
import { createRandom } from '../../src/policy/random.ts';
import type { Tokenizer } from '../../src/policy/tokenizer.ts';
import type { TrainRow } from '../../src/policy/train-row.ts';
import { accumulateGradient } from '../../src/policy/train-step.ts';
import type { Weights } from '../../src/policy/weights.ts';
import { initialWeights } from '../../src/policy/weights.ts';
import type { Habits, TranscriptPart } from './annotator.ts';
import { annotate } from './annotator.ts';

export interface PretrainOptions {
  readonly seed: number;
  readonly steps: number;
  readonly transcriptsPerStep: number;
  readonly learningRate: number;
  readonly habits: Habits;
  /** The loss weight of tokens that the annotator did not write. */
  readonly otherWeight: number;
  readonly report?: (step: number, loss: number) => void;
}

/** Supervised learning on transcripts of the annotator, from random weights. */
export function pretrain(tokenizer: Tokenizer, options: PretrainOptions): Weights {
  const random = createRandom(options.seed);
  const shape = {
    vocabularySize: tokenizer.vocabularySize,
    width: 32,
    hidden: 64,
    slopes: [0.02, 0.2],
  };
  let weights = initialWeights(shape, options.seed);
  let adam = createAdamState(weights.values.length);
  for (let step = 0; step < options.steps; step++) {
    const rows = Array.from({ length: options.transcriptsPerStep }, () =>
      transcriptRow(tokenizer, annotate(random, options.habits), options.otherWeight),
    );
    const trained = rows.reduce((sum, row) => sum + row.trained.reduce((a, b) => a + b, 0), 0);
    const gradient = new Float64Array(weights.values.length);
    const loss = { name: 'sft', clipLow: 0, clipHigh: 0, temperature: 1 } as const;
    const work = accumulateGradient(weights, rows, trained, loss, gradient);
    let result = work.next();
    while (!result.done) result = work.next();
    // Warm up briefly, then decay to a tenth.
    const progress = step / options.steps;
    const learningRate = options.learningRate * Math.min(1, (step + 1) / 20) * (1 - 0.9 * progress);
    ({ weights, adam } = adamStep(weights, gradient, adam, { learningRate }));
    options.report?.(step, result.value.loss);
  }
  return weights;
}

function transcriptRow(
  tokenizer: Tokenizer,
  parts: readonly TranscriptPart[],
  otherWeight: number,
): TrainRow {
  const ids: number[] = [];
  const trained: number[] = [];
  const advantage: number[] = [];
  for (const part of parts) {
    const weight = part.by === 'annotator' ? 1 : otherWeight;
    for (const id of encodePieces(tokenizer, part.pieces)) {
      const mark = weight > 0 && ids.length > 0;
      ids.push(id);
      trained.push(mark ? 1 : 0);
      if (mark) advantage.push(weight);
    }
  }
  return {
    tokenIds: Int32Array.from(ids),
    trained: Uint8Array.from(trained),
    advantage: Float32Array.from(advantage),
  };
}
