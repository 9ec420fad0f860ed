// shortest.ts
import { defineEnvironment, finalNumber } from 'lachesis';

export default defineEnvironment({
  name: 'shortest',
  tasks: [{ data: { a: 12, b: 13 } }],
  prompt: (task) => `What is ${task.data.a} times ${task.data.b}?`,
  reward: ({ task, finalText }) => (finalNumber(finalText) === task.data.a * task.data.b ? 1 : 0),
  // Of the right answers, the one that took the fewest tokens counts full and the others half.
  groupReward: (rollouts) => {
    const right = rollouts.map(({ outcome }) => outcome.kind === 'scored' && outcome.reward === 1);
    const costs = rollouts.map(({ result }) => result.usage.completionTokens ?? Infinity);
    const least = Math.min(...costs.filter((_, i) => right[i]));
    return rollouts.map((_, i) => (right[i] ? (costs[i] === least ? 1 : 0.5) : 0));
  },
  maxTurns: 1,
});
