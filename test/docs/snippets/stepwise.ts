// stepwise.ts
import { defineEnvironment, textOf, turnRewards } from 'lachesis';

export default defineEnvironment({
  name: 'stepwise',
  tasks: [{ data: { word: 'left' } }, { data: { word: 'right' } }],
  prompt: ({ data }) => `Say ${data.word}, and nothing else.`,
  reward: ({ task, result }) => {
    const { value, rewards } = turnRewards(
      result,
      ({ message }) => (textOf(message).trim() === task.data.word ? 1 : -0.1),
      { combine: 'mean' },
    );
    const { length } = result.messages;
    return { value, turnRewards: rewards, metrics: { messages: length } };
  },
});
