// 10,000 rollouts of 4 turns at once in one process, against a model of 200 ms: wall clock over the
// ideal (4 x 200 ms), and memory per rollout.
import { hostEnvironment, playGroup } from '../src/environment/index.ts';
import { adder } from './support/adder.ts';
import { latencyModel } from './support/latency-model.ts';
import { report, round } from './support/report.ts';

const plan = { rollouts: 10_000, turns: 4, latencyMs: 200 };
const environment = await hostEnvironment(adder);
const modelServer = latencyModel(plan);
const task = await environment.tasks.get('0');
if (task === undefined) throw new Error('the benchmark environment has no task');

const play = async (groupSize: number) => {
  const start = performance.now();
  const group = await playGroup({
    ...{ environment, modelServer, task, groupId: 'group', groupSize },
    signal: new AbortController().signal,
  });
  const solved = group.rollouts.filter(
    ({ outcome }) => outcome.kind === 'scored' && outcome.reward === 1,
  ).length;
  return { milliseconds: performance.now() - start, solved };
};

await play(100);
globalThis.gc?.();
const before = process.memoryUsage.rss();
let peak = before;
const sampler = setInterval(() => {
  peak = Math.max(peak, process.memoryUsage.rss());
}, 20);
const { milliseconds, solved } = await play(plan.rollouts);
peak = Math.max(peak, process.memoryUsage.rss());
clearInterval(sampler);
if (solved !== plan.rollouts) throw new Error(`only ${solved} of ${plan.rollouts} were solved`);

const ideal = plan.turns * plan.latencyMs;
report('concurrency', {
  plan,
  wallSeconds: round(milliseconds / 1000),
  wallOverIdeal: round(milliseconds / ideal),
  peakKilobytesPerRollout: round((peak - before) / 1024 / plan.rollouts, 1),
  microsecondsOfWallPerTurnOverIdeal: round(
    ((milliseconds - ideal) * 1000) / (plan.rollouts * plan.turns),
    1,
  ),
});
