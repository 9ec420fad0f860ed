import { chatMessage } from './chat-message.ts';
import { admittedReward, hasAnswer, type LineFormat } from './format.ts';

/** Supervised fine-tuning: `messages` in OpenAI shape, and where they come from. */
export const sft: LineFormat = async function* (rollouts, options) {
  for await (const read of rollouts) {
    const reward = admittedReward(read, options);
    if (reward === undefined || !hasAnswer(read, options)) continue;
    const { rollout } = read;
    yield JSON.stringify({
      messages: rollout.result.messages.map(chatMessage),
      ...options.tools?.of(read),
      environment: rollout.provenance.environment,
      task_key: rollout.taskKey,
      rollout_id: rollout.id,
      reward,
    });
  }
};
