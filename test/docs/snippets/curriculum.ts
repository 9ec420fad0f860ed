// curriculum.ts
import { defineEnvironment, finalNumber, generated } from 'lachesis';

let digits = 1;

export default defineEnvironment({
  name: 'curriculum',
  version: '1',
  tasks: generated((_, random) => {
    const draw = () => Math.floor(random() * 10 ** digits);
    const [left, right] = [draw(), draw()];
    return { question: `What is ${left} + ${right}?`, answer: left + right };
  }),
  prompt: (task) => task.data.question,
  reward: ({ task, finalText }) => {
    const right = finalNumber(finalText) === task.data.answer;
    if (right) digits = Math.min(digits + 1, 6);
    return right ? 1 : 0;
  },
  checkpoint: {
    save: () => ({ digits }),
    load: (state) => {
      digits = (state as { digits: number }).digits;
    },
  },
});
