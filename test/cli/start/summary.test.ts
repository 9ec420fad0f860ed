import { expect, test } from 'vitest';
import type { Measurement } from '../../../src/cli/start/measure.ts';
import { type Outcome, summaryLines, verdict } from '../../../src/cli/start/summary.ts';
import { Tally } from '../../../src/cli/start/tally.ts';
import type { TrainerStep } from '../../../src/cli/start/view.ts';

const measured = (success: number, notScored = 0): Measurement => ({
  episodes: 100,
  notScored,
  success,
  examples: { success: undefined, failure: undefined },
});

const step: TrainerStep = {
  step: 1,
  reward: 0.1,
  policyVersion: 1,
  maxRatioDeviation: 2e-7,
  meanKl: 0,
  trainedTokens: 10,
  seconds: 0.1,
};

const good: Outcome = {
  before: measured(0.05),
  after: measured(0.95),
  steps: [step],
  trainSeconds: 1,
  tally: new Tally(),
  rolloutFile: 'rollouts.jsonl',
  rolloutsWritten: 1,
  wallSeconds: 2,
  store: {
    folder: 'out/store',
    acceptedGroups: 40,
    trainedGroups: 32,
    droppedGroups: { stale: 2 },
    heldBytes: 2048,
  },
  resumed: 0,
};

test('a quick start whose reward rose has no failures', () => {
  expect(verdict(good)).toEqual([]);
  expect(summaryLines(good).join('\n')).toMatch(/5\.0 % before, 95\.0 % after/);
});

test('it tells what became of the groups, and that it was resumed', () => {
  const text = (resumed: number): string => summaryLines({ ...good, resumed }).join('\n');
  expect(text(0)).toMatch(/40 groups accepted, 32 trained, 2 stale; 2\.0 KiB in out\/store$/m);
  expect(text(0)).toMatch(/1 rollouts are in rollouts\.jsonl$/m);
  expect(text(2)).toMatch(/2\.0 KiB in out\/store; resumed 2 times$/m);
  expect(text(1)).toMatch(/; resumed once$[\s\S]*the files of before beside it$/m);
});

test.each<[string, Partial<Outcome>, RegExp]>([
  ['no step was taken', { steps: [] }, /took no step/],
  ['it knew the task before', { before: measured(0.3) }, /untrained policy succeeds in 30\.0 %/],
  ['the reward did not rise', { after: measured(0.4) }, /trained policy succeeds in 40\.0 %/],
  ['the ratio is off', { steps: [{ ...step, maxRatioDeviation: 1e-3 }] }, /ratio - 1\| = 0\.001/],
  ['the ratio is no number', { steps: [{ ...step, maxRatioDeviation: Number.NaN }] }, /NaN/],
  ['rollouts failed', { after: measured(0.95, 3) }, /3 rollouts were not scored/],
])('it fails when %s', (_, change, message) => {
  expect(verdict({ ...good, ...change }).join('\n')).toMatch(message);
});
