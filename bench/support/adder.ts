import { defineEnvironment } from '../../src/environment/index.ts';
import { tool } from '../../src/tools/index.ts';

/** The smallest environment with a tool. */
export const adder = defineEnvironment({
  name: 'adder',
  tasks: Array.from({ length: 4_096 }, (_, index) => ({ key: String(index), data: { index } })),
  tools: [
    tool({
      name: 'add',
      description: 'Adds two numbers.',
      parameters: { type: 'object', properties: { a: { type: 'number' }, b: { type: 'number' } } },
      execute: ({ a, b }) => Number(a) + Number(b),
    }),
  ],
  prompt: (task) => `Task ${task.data.index}: add and add again.`,
  reward: ({ finalText }) => (finalText === '42' ? 1 : 0),
});
