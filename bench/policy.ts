// The embedded policy by itself: tokens sampled and trained per second on one core, and |ratio - 1|
// of a step on what it has just sampled.
import {
  createEmbeddedPolicy,
  encodePieces,
  type Generation,
  readBaseCheckpoint,
  renderChatml,
  type TrainRow,
} from '../src/policy/index.ts';
import { report, round } from './support/report.ts';
import { median } from './support/statistics.ts';

/** After one that warms up. */
const ROUNDS = 5;
const SEQUENCES = 64;
const SAMPLED_TOKENS = 64;

const checkpoint = await readBaseCheckpoint();
using policy = createEmbeddedPolicy({ checkpoint, seed: 1 });
const question =
  'How much is the lamp? What is the stock of the chair? Name the price of the mirror.';
const promptIds = encodePieces(
  policy.tokenizer,
  renderChatml([{ role: 'user', content: question }], { addGenerationPrompt: true }),
);

async function secondsOf<Value>(work: () => Promise<Value>): Promise<[Value, number]> {
  const start = performance.now();
  const value = await work();
  return [value, (performance.now() - start) / 1000];
}

/** Never stops by itself, so that every sequence has the same length. */
function sample(): Promise<Generation> {
  return policy.generate({ promptIds, maxTokens: SAMPLED_TOKENS, stopTokenIds: [] });
}

function rowOf({ ids, logprobs }: Generation, index: number): TrainRow {
  const trained = new Uint8Array(promptIds.length + ids.length).fill(1, promptIds.length);
  const tokenIds = Int32Array.of(...promptIds, ...ids);
  return { tokenIds, trained, logprobs, advantage: index % 2 === 0 ? 1 : -1 };
}

const alone: number[] = [];
const together: number[] = [];
const trained: number[] = [];
const positions: number[] = [];
const deviations: number[] = [];
for (let at = 0; at <= ROUNDS; at += 1) {
  const [one, aloneSeconds] = await secondsOf(sample);
  const [all, togetherSeconds] = await secondsOf(() =>
    Promise.all(Array.from({ length: SEQUENCES }, sample)),
  );
  const rows = all.map(rowOf);
  const [step, stepSeconds] = await secondsOf(() => policy.trainStep(rows));
  deviations.push(step.maxRatioDeviation);
  if (at === 0) continue;
  alone.push(one.ids.length / aloneSeconds);
  together.push((SEQUENCES * SAMPLED_TOKENS) / togetherSeconds);
  trained.push(step.trainedTokens / stepSeconds);
  positions.push(rows.reduce((sum, row) => sum + row.tokenIds.length, 0) / stepSeconds);
}

report('policy', {
  parameters: policy.describe().parameters,
  promptTokens: promptIds.length,
  sampledTokensPerSequence: SAMPLED_TOKENS,
  sequences: SEQUENCES,
  rounds: ROUNDS,
  sampledTokensPerSecond: {
    oneSequence: Math.round(median(alone)),
    manySequences: Math.round(median(together)),
  },
  trainedTokensPerSecond: Math.round(median(trained)),
  trainedPositionsPerSecond: Math.round(median(positions)),
  trainingOverSampling: round(median(trained) / median(together)),
  largestRatioDeviation: Math.max(...deviations),
  note: 'The weights change at every step, and each step trains on what they have just sampled.',
});
