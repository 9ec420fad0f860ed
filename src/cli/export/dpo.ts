import { type ChatMessage, chatMessage } from './chat-message.ts';
import { admittedReward, type ExportOptions, hasAnswer, type LineFormat } from './format.ts';
import type { ReadRollout } from './read-rollouts.ts';

/** What a pair needs of a rollout: far less than the rollout, since every group is held to the end. */
interface Candidate {
  readonly id: string;
  readonly reward: number;
  readonly prompt: readonly ChatMessage[];
  readonly answer: readonly ChatMessage[];
}

interface Contest {
  readonly environment: string;
  readonly taskKey: string;
  readonly tools: { readonly tools?: string };
  best: Candidate;
  worst: Candidate;
  count: number;
}

/**
 * Preference pairs: of each group the best and the worst rollout, the first of equals. Rollouts
 * without a group (of an evaluation) are grouped by task. A group whose rewards are equal prefers
 * nothing, and one whose two prompts differ can't be compared.
 */
export const dpo: LineFormat = async function* (rollouts, options) {
  const contests = new Map<string, Contest>();
  for await (const read of rollouts) enter(contests, read, options);
  const { leftOut, minReward = Number.NEGATIVE_INFINITY } = options;
  for (const { environment, taskKey, tools, best, worst, count } of contests.values()) {
    const reason = refusal(best, worst, minReward);
    if (reason !== undefined) {
      leftOut.add(reason, count);
      continue;
    }
    if (count > 2) leftOut.add('neither best nor worst of their group', count - 2);
    yield JSON.stringify({
      prompt: best.prompt,
      chosen: best.answer,
      rejected: worst.answer,
      ...tools,
      environment,
      task_key: taskKey,
      chosen_id: best.id,
      rejected_id: worst.id,
      chosen_reward: best.reward,
      rejected_reward: worst.reward,
    });
  }
};

function enter(contests: Map<string, Contest>, read: ReadRollout, options: ExportOptions): void {
  const reward = admittedReward(read, { ...options, minReward: undefined });
  if (reward === undefined || !hasAnswer(read, options)) return;
  const { rollout, runId } = read;
  const { environment } = rollout.provenance;
  const messages = rollout.result.messages;
  const firstAnswer = messages.findIndex(({ role }) => role === 'assistant');
  const candidate: Candidate = {
    id: rollout.id,
    reward,
    prompt: messages.slice(0, firstAnswer).map(chatMessage),
    answer: messages.slice(firstAnswer).map(chatMessage),
  };
  const key = JSON.stringify([environment, runId, rollout.groupId, rollout.taskKey]);
  const contest = contests.get(key);
  if (contest === undefined) {
    const first = { environment, taskKey: rollout.taskKey, best: candidate, worst: candidate };
    contests.set(key, { ...first, tools: { ...options.tools?.of(read) }, count: 1 });
    return;
  }
  contest.count += 1;
  if (reward > contest.best.reward) contest.best = candidate;
  if (reward < contest.worst.reward) contest.worst = candidate;
}

function refusal(best: Candidate, worst: Candidate, minReward: number): string | undefined {
  if (best.reward === worst.reward) return 'in groups of equal rewards';
  if (best.reward < minReward) return 'in groups whose best is under --min-reward';
  if (JSON.stringify(best.prompt) !== JSON.stringify(worst.prompt)) {
    return 'in groups whose prompts differ';
  }
  return undefined;
}
