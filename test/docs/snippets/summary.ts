// summary.ts
import { defineEnvironment } from 'lachesis';

export default defineEnvironment({
  name: 'summary',
  tasks: [
    { data: { text: 'In 1969 two people walked on the moon.', facts: ['1969', 'moon'] } },
    { data: { text: 'To be written.', facts: [] } },
  ],
  prompt: (task) => `Say it in at most five words: ${task.data.text}`,
  reward: ({ task, finalText }) => {
    const { facts } = task.data;
    if (facts.length === 0) return { notScored: 'The task has no facts to look for.' };
    const kept = facts.filter((fact) => finalText.includes(fact)).length / facts.length;
    const short = finalText.trim().split(/\s+/).length <= 5 ? 1 : 0;
    return {
      components: [
        { name: 'kept', value: kept, weight: 0.75, range: [0, 1] },
        { name: 'short', value: short, weight: 0.25, range: [0, 1] },
      ],
    };
  },
  maxTurns: 1,
});
