// library.ts
import { defineEnvironment, tool } from 'lachesis';

const BOOKS: Readonly<Record<string, string>> = {
  tides: 'The moon draws the sea, and so the tides come and go.',
  winds: 'The sun warms the air, and so the winds blow.',
};

const read = tool({
  name: 'read',
  description: 'Reads a book: tides or winds.',
  parameters: { type: 'object', properties: { book: { type: 'string' } }, required: ['book'] },
  execute: ({ book }) => BOOKS[String(book)] ?? { error: 'There is no such book.' },
});

export default defineEnvironment({
  name: 'library',
  tasks: [{ data: { question: 'What makes the tides?', answer: 'moon' } }],
  tools: [
    tool({
      name: 'research',
      description: 'Hands a question to a researcher, who has the books.',
      parameters: { type: 'object', properties: { question: { type: 'string' } } },
      timeoutMs: 120_000,
      execute: async ({ question }, { model }) => {
        const { text, stopReason } = await model.run({
          agent: 'researcher',
          systemPrompt: 'Answer from the books.',
          prompt: String(question),
          tools: [read],
          maxTurns: 5,
        });
        if (stopReason !== 'natural') return { error: `There is no answer: ${stopReason}.` };
        const inShort = await model.ask(`Say it in one word: ${text}`);
        return inShort.text;
      },
    }),
  ],
  prompt: ({ data }) => data.question,
  reward: ({ task, finalText }) => (finalText.includes(task.data.answer) ? 1 : 0),
  maxTurns: 4,
});
