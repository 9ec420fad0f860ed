// capitals.ts
import { defineEnvironment } from 'lachesis';

export default defineEnvironment({
  name: 'capitals',
  tasks: [
    { key: 'fr', split: 'train', data: { country: 'France', capital: 'Paris' } },
    { key: 'jp', split: 'test', data: { country: 'Japan', capital: 'Tokyo' } },
  ],
  prompt: (task) => `What is the capital of ${task.data.country}? Answer with its name alone.`,
  reward: ({ task, finalText }) => (finalText.trim() === task.data.capital ? 1 : 0),
  maxTurns: 1,
});
