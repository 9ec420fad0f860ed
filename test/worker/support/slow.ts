import { defineEnvironment } from '../../../src/index.ts';

/** Ten tasks that any answer with text solves; how long one takes is the model's matter. */
export default defineEnvironment({
  name: 'slow',
  tasks: Array.from({ length: 10 }, (_, index) => ({ key: `t${index}`, data: index })),
  prompt: ({ data }) => `Say ${data}.`,
  reward: ({ finalText }) => (finalText === '' ? 0 : 1),
});
