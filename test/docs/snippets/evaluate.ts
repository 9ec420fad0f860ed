// evaluate.ts
import { connect } from 'lachesis/client';

await using client = await connect();
const steps = client.environments.evaluate({
  environment: 'shop',
  maxTasks: 50,
  attempts: 4,
  sampling: { temperature: 0.7 },
  concurrency: 32,
});
for await (const { case: kind, value } of steps) {
  if (kind === 'sample') console.log(value.taskKey, value.attempt, value.reward ?? value.error);
  else console.log(value.meanReward, value.notScored, value.passAtK);
}
