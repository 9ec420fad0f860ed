// Pulls a run's batches, acks them and keeps an account: a trainer's loop without the training.
// With --json each batch is one line of JSON; pull_batches.py beside it prints the very same.
import { parseArgs } from 'node:util';
import { type Batch, connect } from 'lachesis/client';

const { values } = parseArgs({
  options: {
    server: { type: 'string' },
    run: { type: 'string', default: 'run' },
    consumer: { type: 'string', default: 'pull-batches' },
    json: { type: 'boolean', default: false },
  },
});

/** What a batch holds, by group and rollout; a reward of null means that it was not scored. */
function accountOf(batch: Batch) {
  return batch.groups.map((group, groupIndex) => ({
    group: group.groupId,
    task: group.taskKey,
    rollouts: group.rollouts.map(({ rolloutId, reward }, index) => ({
      id: rolloutId,
      reward: reward ?? null,
      messages: batch.rollout(groupIndex, index)?.result.messages.length ?? 0,
      rows: batch.rows
        .filter((row) => row.rolloutId === rolloutId)
        .map((row) => ({
          tokens: row.tokenIds.length,
          sampled: sum(row.sampledMask()),
          trained: sum(row.trainedMask()),
        })),
    })),
  }));
}

const sum = (numbers: Iterable<number>): number => [...numbers].reduce((a, b) => a + b, 0);

await using client = await connect({
  // It waits for a server that restarts, and says so.
  reconnect: {
    onChange: ({ kind }) => console.error(kind === 'lost' ? 'the server is away' : 'it is back'),
  },
  ...(values.server !== undefined && { address: values.server }),
});
await using consumer = await client.batches.register({
  runId: values.run,
  consumerId: values.consumer,
});

console.error(`waiting for batches of run ${values.run}, until it is closed`);
for (;;) {
  const batch = await consumer.next({ includeRollouts: true });
  if (batch === undefined) break;
  const groups = accountOf(batch);
  const rollouts = groups.flatMap((group) => group.rollouts);
  const rows = rollouts.flatMap((rollout) => rollout.rows);
  const rewards = rollouts.flatMap(({ reward }) => reward ?? []);
  // This is where a trainer would take its step, and publish the new policy version.
  const { step } = await batch.ack();
  console.log(
    values.json
      ? JSON.stringify({ batch: batch.id, step: batch.step, groups })
      : `step ${step}: ${groups.length} groups, ${rollouts.length} rollouts, ` +
          `reward ${(sum(rewards) / rewards.length).toFixed(2)} over ${rewards.length} scored, ` +
          `${rows.length} rows, ${sum(rows.map(({ tokens }) => tokens))} tokens, ` +
          `${sum(rows.map(({ trained }) => trained))} trained`,
  );
}
