// A GRPO trainer (Shao et al. 2024, arXiv 2402.03300) over `lachesis/client`: pull a batch, weigh
// each rollout against its own group, let the policy take a step, publish its version, ack.
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
    json: { type: 'boolean', default: false },
    // End when the server does, instead of waiting for another one.
    'no-reconnect': { type: 'boolean', default: false },
  },
});
const runId = values.run;

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

let stepsAtGoal = 0;
for await (const batch of consumer) {
  const start = performance.now();
  const weights = advantages(batch);
  const step = await owner.policy.trainStep(
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
  stepsAtGoal = reward >= Number(values.goal) ? stepsAtGoal + 1 : 0;
  const done =
    stepsAtGoal >= Number(values['goal-steps']) || batch.step >= Number(values['max-steps']);
  // Publish before the ack: what starts once the batch is done is stamped with the new version.
  await server.batches.publishPolicyVersion(runId, step.policyVersion);
  if (done) await server.runs.close(runId);
  await batch.ack();

  const seconds = (performance.now() - start) / 1000;
  const line = { type: 'step', step: batch.step, reward, seconds, ...step };
  console.log(
    values.json
      ? JSON.stringify(line)
      : `step ${batch.step}  reward ${reward.toFixed(2)}  |ratio - 1| ${step.maxRatioDeviation.toExponential(1)}`,
  );
  if (done) break;
}
