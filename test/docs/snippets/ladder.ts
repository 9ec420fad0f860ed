// ladder.ts
import { defineEnvironment, finalNumber } from 'lachesis';

export default defineEnvironment({
  name: 'ladder',
  tasks: [{ key: 'start', data: { digits: 1, a: 7, b: 8 } }],
  prompt: ({ data }) => `What is ${data.a} times ${data.b}?`,
  reward: ({ task, finalText }) => (finalNumber(finalText) === task.data.a * task.data.b ? 1 : 0),
  // A question that the whole group solved is followed by a harder one.
  backlog: ({ task, rollouts }) => {
    const isSolved = rollouts.every(
      ({ outcome }) => outcome.kind === 'scored' && outcome.reward === 1,
    );
    const { digits, a, b } = task.data;
    return isSolved && digits < 6 ? [{ data: { digits: digits + 1, a: a * 10 + 3, b } }] : [];
  },
  maxTurns: 1,
});
