/** What `lachesis init` can begin with. */
export interface Template {
  readonly summary: string;
  /** The text of environment.ts: it runs as it is, and says what each part is for. */
  readonly environment: (name: string) => string;
}

const tool: Template = {
  summary: 'The model calls tools, turn after turn.',
  environment: (name) => `import { defineEnvironment, finalNumber, tool } from 'lachesis';

export default defineEnvironment({
  name: '${name}',
  version: '1', // raise it when tasks, tools or reward change: every rollout names it
  // What to solve. A file of tasks: \`tasks: jsonl('tasks.jsonl')\`, one JSON value per line.
  tasks: [
    { key: 'add-small', data: { question: 'What is 17 + 25?', answer: 42 } },
    { key: 'add-large', data: { question: 'What is 1280 + 2560?', answer: 3840 } },
  ],
  setup: () => ({ calls: 0 }), // what each rollout has for itself; no other sees it
  tools: [
    tool<{ calls: number }>({
      name: 'add',
      description: 'Adds two numbers.', // what the model is told
      parameters: {
        type: 'object',
        properties: { a: { type: 'number' }, b: { type: 'number' } },
        required: ['a', 'b'],
      },
      execute: ({ a, b }, { state }) => {
        state.calls += 1;
        return Number(a) + Number(b);
      },
    }),
  ],
  systemPrompt: 'Use the tools. End with the final number alone.',
  prompt: (task) => task.data.question,
  // Scores a finished rollout; the answer counts most, having used a tool a little.
  reward: ({ task, state, finalText }) => ({
    components: [
      { name: 'answer', value: finalNumber(finalText) === task.data.answer ? 1 : 0 },
      { name: 'used_tool', value: state.calls > 0 ? 1 : 0, weight: 0.1 },
    ],
  }),
  // An answer that earns full marks: \`lachesis validate\` scores it.
  solution: (task) => String(task.data.answer),
  maxTurns: 4,
});
`,
};

const singleTurn: Template = {
  summary: 'One question, one answer.',
  environment: (name) => `import { defineEnvironment } from 'lachesis';

export default defineEnvironment({
  name: '${name}',
  version: '1', // raise it when tasks or reward change: every rollout names it
  // What to solve. A file of tasks: \`tasks: jsonl('tasks.jsonl')\`, one JSON value per line.
  tasks: [
    { key: 'stressed', data: { word: 'stressed', answer: 'desserts' } },
    { key: 'drawer', data: { word: 'drawer', answer: 'reward' } },
  ],
  systemPrompt: 'Answer with one word.',
  prompt: (task) => \`Spell "\${task.data.word}" backwards.\`,
  // Scores a finished rollout: 1 is full marks. A number, or named components with weights.
  reward: ({ task, finalText }) =>
    finalText.trim().toLowerCase() === task.data.answer ? 1 : 0,
  // An answer that earns full marks: \`lachesis validate\` scores it.
  solution: (task) => task.data.answer,
  maxTurns: 1,
  sampling: { temperature: 1, maxTokens: 64 },
});
`,
};

export const TEMPLATES: Readonly<Record<string, Template>> = { tool, 'single-turn': singleTurn };
