// A GRPO trainer (Shao et al. 2024, arXiv 2402.03300) over `lachesis/client`: pull a batch, weigh
// each rollout against its own group, let the policy take a step, publish its version, ack.
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Batch, type ConnectOptions, connect } from 'lachesis/client';

const { values } = parseArgs({
  options: {
    server: { type: 'string' },
    policy: { type: 'string' },
    run: { type: 'string', default: 'grpo' },
    'max-steps': { type: 'string', default: '60' },
    goal: { type: 'string', default: '0.95' },
    'goal-steps': { type: 'string', default: '5' },
    'learning-rate': { type: 'string', default: '3e-3' },
    // Steps are kept in this file; a trainer that is started again with it goes on.
    keep: { type: 'string' },
    json: { type: 'boolean', default: false },
    // End when the server does, instead of waiting for another one.
    'no-reconnect': { type: 'boolean', default: false },
  },
});
const runId = values.run;
const goalSteps = Number(values['goal-steps']);

interface Step {
  readonly type: 'step';
  readonly step: number;
  readonly reward: number;
}

/** The steps of earlier sittings. A line that was being written when one ended is none. */
function keptSteps(file: string): Step[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n');
  // So that the next line begins a line.
  if (lines.pop() !== '') appendFileSync(file, '\n');
  return lines.flatMap((line): Step[] => {
    try {
      return [JSON.parse(line) as Step];
    } catch {
      return [];
    }
  });
}

/** (reward - mean) / standard deviation within the group; 0 where all rewards are equal. */
function advantages(batch: Batch): readonly (readonly number[])[] {
  return batch.groups.map(({ rollouts }) => {
    const rewards = rollouts.map(({ reward }) => reward);
    const known = rewards.filter((reward) => reward !== undefined);
    const mean = known.reduce((sum, reward) => sum + reward, 0) / known.length;
    const variance = known.reduce((sum, reward) => sum + (reward - mean) ** 2, 0) / known.length;
    const scale = Math.sqrt(variance);
    // A rollout without a reward says nothing about the policy, so it pulls nowhere.
    return rewards.map((reward) =>
      reward === undefined || scale < 1e-6 ? 0 : (reward - mean) / scale,
    );
  });
}

function meanReward(batch: Batch): number {
  const known = batch.groups
    .flatMap(({ rollouts }) => rollouts.map(({ reward }) => reward))
    .filter((reward) => reward !== undefined);
  return known.reduce((sum, reward) => sum + reward, 0) / known.length;
}

const reconnect: ConnectOptions['reconnect'] = values['no-reconnect']
  ? false
  : {
      onChange: ({ kind }) => console.error(kind === 'lost' ? 'the server is away' : 'it is back'),
    };
await using server = await connect({
  reconnect,
  ...(values.server !== undefined && { address: values.server }),
});
await using owner = await connect({ reconnect, address: values.policy ?? server.address });
await using consumer = await server.batches.register({ runId });

const steps = new Map(keptSteps(values.keep ?? '').map((step) => [step.step, step]));
for await (const batch of consumer) {
  const start = performance.now();
  const weights = advantages(batch);
  // A batch that comes again, to a trainer that was killed before its ack, has the same step: the
  // policy trains on it once and answers the same.
  const result = await owner.policy.trainStep(
    batch.rows.map(({ row, groupIndex, rolloutIndex }) => ({
      row,
      advantage: weights[groupIndex]?.[rolloutIndex] ?? 0,
    })),
    {
      stepId: `${runId}/${batch.step}`,
      loss: 'grpo',
      lossSettings: { clip_low: 0.2, clip_high: 0.28 },
      learningRate: Number(values['learning-rate']),
    },
  );
  const reward = meanReward(batch);
  const groups = batch.groups.map(({ groupId }) => groupId);
  const step = { type: 'step', step: batch.step, reward, groups, ...result } as const;
  // Kept before the ack: what is acked does not come again.
  if (values.keep !== undefined && !steps.has(step.step)) {
    appendFileSync(values.keep, `${JSON.stringify({ ...step, seconds: secondsSince(start) })}\n`, {
      flush: true,
    });
  }
  steps.set(step.step, step);
  const latest = [...steps.values()].slice(-goalSteps);
  const done =
    batch.step >= Number(values['max-steps']) ||
    (latest.length === goalSteps && latest.every(({ reward }) => reward >= Number(values.goal)));
  // Publish before the ack: what starts once the batch is done is stamped with the new version.
  await server.batches.publishPolicyVersion(runId, result.policyVersion);
  if (done) await server.runs.close(runId);
  await batch.ack();

  console.log(
    values.json
      ? JSON.stringify({ ...step, seconds: secondsSince(start) })
      : `step ${batch.step}  reward ${reward.toFixed(2)}  |ratio - 1| ${result.maxRatioDeviation.toExponential(1)}`,
  );
  if (done) break;
}

function secondsSince(start: number): number {
  return (performance.now() - start) / 1000;
}
