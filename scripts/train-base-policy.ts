/**
 * Makes assets/base-policy.bin: `node --conditions=lachesis-source scripts/train-base-policy.ts`.
 * Supervised learning on a noisy annotator, then a check that reward alone lifts it from under 0.2
 * to 0.9 and more, for several seeds. `--check` runs only the check, on the committed file.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { createEmbeddedPolicy, readCheckpoint, writeCheckpoint } from '../src/policy/index.ts';
import { noisyHabits } from './base-policy/annotator.ts';
import type { GrpoOptions } from './base-policy/grpo.ts';
import { runGrpo, successRate } from './base-policy/grpo.ts';
import { pretrain } from './base-policy/pretrain.ts';
import { baseTokenizer } from './base-policy/vocabulary.ts';

const { values } = parseArgs({
  options: {
    check: { type: 'boolean', default: false },
    out: { type: 'string', default: 'assets/base-policy.bin' },
    seed: { type: 'string', default: '3' },
    steps: { type: 'string', default: '1000' },
    'rl-seeds': { type: 'string', default: '6' },
  },
});

if (!values.check) {
  const tokenizer = baseTokenizer();
  const weights = pretrain(tokenizer, {
    seed: Number(values.seed),
    steps: Number(values.steps),
    transcriptsPerStep: 32,
    learningRate: 1e-2,
    habits: noisyHabits,
    otherWeight: 0,
    report: (step, loss) => {
      if (step % 100 === 99) console.log(`step ${step + 1}: loss ${loss.toFixed(3)}`);
    },
  });
  writeFileSync(values.out, writeCheckpoint({ name: 'lachesis-base', tokenizer, weights }));
}

// Always judged as it was written: with float16 weights.
const checkpoint = readCheckpoint(readFileSync(values.out));
using base = createEmbeddedPolicy({ checkpoint, updatesEnabled: false });
for (const temperature of [1, 0]) {
  const rate = await successRate(base, { seed: 9, episodes: 1000, temperature });
  console.log(`base success at temperature ${temperature}: ${rate.toFixed(3)}`);
}
let failed = 0;
const seeds = Array.from({ length: Number(values['rl-seeds']) }, (_, i) => i + 1);
const cases: GrpoOptions[] = seeds.map((seed) => ({ seed }));
for (const options of [...cases, { seed: 1, system: 'Be brief, you are a clerk.' }]) {
  const result = await runGrpo(checkpoint, options);
  if (result.goalStep === 0 || result.curve[0]! >= 0.2 || result.after < 0.9) failed += 1;
  const curve = result.curve.filter((_, i) => i % 3 === 0).map((rate) => rate.toFixed(2));
  console.log(
    `rl seed ${options.seed}${options.system === undefined ? '' : ' (system message)'}: ` +
      `0.9 at step ${result.goalStep} after ${(result.goalMs / 1000).toFixed(1)} s, ` +
      `fresh episodes ${result.after.toFixed(2)}; ` +
      `${(result.sampledTokens / result.generationMs).toFixed(0)}k sampled tok/s, ` +
      `${(result.sequenceTokens / result.trainingMs).toFixed(0)}k trained sequence tok/s; ` +
      `|ratio-1| ${result.maxRatioDeviation.toExponential(1)}; ${curve.join(' ')}`,
  );
}
process.exitCode = failed === 0 ? 0 : 1;
