// What `npm start` comes to, for three seeds: wall time, success before and after, |ratio - 1| of
// the first step, and the learning curve. Everything is read from what it prints.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Program } from '../test/package/support/program.ts';
import { report, round } from './support/report.ts';
import { median } from './support/statistics.ts';

const { values } = parseArgs({
  args: process.argv.slice(3),
  options: {
    seeds: { type: 'string', default: '1,2,3' },
    // CI's short form, to try the benchmark itself.
    quick: { type: 'boolean', default: false },
  },
});
const seeds = values.seeds.split(',').map(Number);

interface QuickStart {
  readonly seed: number;
  readonly exitCode: number;
  readonly failures: readonly string[];
  readonly wallSeconds: number;
  readonly firstRolloutSeconds: number;
  readonly trainingSeconds: number;
  readonly successBefore: number;
  readonly successAfter: number;
  readonly steps: number;
  /** The first step whose batch had a mean reward of at least 0.9. */
  readonly firstStepAt90: number | undefined;
  readonly firstStepRatioDeviation: number;
  readonly sampledTokensPerSecond: number;
  /** Mean reward of each step's batch. */
  readonly rewards: readonly number[];
}

function numberIn(text: string, pattern: RegExp): number {
  return Number(text.match(pattern)?.[1]?.replaceAll(',', '') ?? Number.NaN);
}

async function runOf(seed: number): Promise<QuickStart> {
  const folder = mkdtempSync(path.join(tmpdir(), 'lachesis-quick-start-'));
  const flags = ['--seed', String(seed), '--out', folder, ...(values.quick ? ['--quick'] : [])];
  const start = performance.now();
  try {
    await using program = new Program('npm', ['start', '--', ...flags], {
      cwd: path.resolve(import.meta.dirname, '..'),
      // Clients and servers of this user that run meanwhile are none of its business.
      env: { XDG_RUNTIME_DIR: folder },
    });
    const exitCode = await program.exited;
    const wallSeconds = (performance.now() - start) / 1000;
    const { output, everything } = program;
    const steps = [...output.matchAll(/^step +(\d+) +reward +([\d.]+)/gm)];
    const rewards = steps.map(([, , reward]) => Number(reward));
    const at90 = rewards.findIndex((reward) => reward >= 0.9);
    return {
      seed,
      exitCode,
      failures: [...everything.matchAll(/^FAILED: (.*)$/gm)].map(([, failure]) => failure ?? ''),
      wallSeconds: round(wallSeconds, 1),
      firstRolloutSeconds: numberIn(output, /first rollout after ([\d.]+) s/),
      trainingSeconds: numberIn(output, / in ([\d.]+) s of training/),
      successBefore: round(numberIn(output, /: ([\d.]+) % before/) / 100, 3),
      successAfter: round(numberIn(output, / ([\d.]+) % after/) / 100, 3),
      steps: steps.length,
      firstStepAt90: at90 < 0 ? undefined : at90 + 1,
      firstStepRatioDeviation: numberIn(output, /\|ratio - 1\| = ([\d.e+-]+)/),
      sampledTokensPerSecond: numberIn(output, / ([\d,]+) sampled tokens\/s/),
      rewards,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const runs: QuickStart[] = [];
for (const seed of seeds) {
  const run = await runOf(seed);
  runs.push(run);
  console.error(
    `seed ${seed}: ${run.wallSeconds} s, ${run.successBefore} -> ${run.successAfter} in ${run.steps} steps`,
  );
}
report('quick-start', {
  measured: `npm start -- --seed N${values.quick ? ' --quick' : ''}`,
  passed: runs.every(({ exitCode }) => exitCode === 0),
  longestWallSeconds: Math.max(...runs.map(({ wallSeconds }) => wallSeconds)),
  medianWallSeconds: median(runs.map(({ wallSeconds }) => wallSeconds)),
  highestSuccessBefore: Math.max(...runs.map(({ successBefore }) => successBefore)),
  lowestSuccessAfter: Math.min(...runs.map(({ successAfter }) => successAfter)),
  largestFirstStepRatioDeviation: Math.max(
    ...runs.map(({ firstStepRatioDeviation }) => firstStepRatioDeviation),
  ),
  runs,
});
