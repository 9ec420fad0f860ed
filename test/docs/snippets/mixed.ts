// mixed.ts
import { defineEnvironment, finalNumber, generated, mixture, shuffleTasks } from 'lachesis';

const known = [{ data: { a: 2, b: 2 } }, { data: { a: 7, b: 8 } }, { data: { a: 12, b: 12 } }];
const fresh = generated((_, random) => ({
  a: Math.floor(random() * 100),
  b: Math.floor(random() * 100),
}));

export default defineEnvironment({
  name: 'mixed',
  // Three made-up tasks for each known one, which come again in the shuffled order.
  tasks: mixture(
    [
      { name: 'known', source: shuffleTasks(known, 7), weight: 1 },
      { name: 'fresh', source: fresh, weight: 3 },
    ],
    { repeat: true },
  ),
  prompt: (task) => `What is ${task.data.a} times ${task.data.b}?`,
  reward: ({ task, finalText }) => (finalNumber(finalText) === task.data.a * task.data.b ? 1 : 0),
  maxTurns: 1,
});
