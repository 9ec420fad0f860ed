// guess.ts
import { defineEnvironment, generated, type ToolContext, tool } from 'lachesis';
import { z } from 'zod';

interface Game {
  readonly secret: number;
  guesses: number;
  found: boolean;
}

export default defineEnvironment({
  name: 'guess',
  version: '1',
  description: 'Find a secret number by guessing.',
  settings: z.object({
    highest: z.number().int().min(2).default(100).describe('The highest secret there may be.'),
  }),
  tasks: ({ highest }) =>
    generated((_, random) => ({ highest: 2 + Math.floor(random() * (highest - 1)) })),
  setup: (task, { random }): Game => ({
    secret: 1 + Math.floor(random() * task.data.highest),
    guesses: 0,
    found: false,
  }),
  tools: [
    tool({
      name: 'guess',
      description: 'Says whether the secret is lower, higher, or found.',
      parameters: z.object({ number: z.number().int() }),
      execute: ({ number }, { state }: ToolContext<Game>) => {
        state.guesses += 1;
        state.found ||= number === state.secret;
        if (state.found) return 'found';
        return number > state.secret ? 'lower' : 'higher';
      },
    }),
  ],
  systemPrompt: 'Call `guess` until the number is found.',
  prompt: (task) => `The secret is a whole number from 1 to ${task.data.highest}.`,
  isDone: ({ state }) => state.found,
  reward: ({ task, state }) => {
    if (!state.found) return 0;
    const needed = Math.ceil(Math.log2(task.data.highest + 1));
    return Math.min(1, needed / state.guesses);
  },
  maxTurns: 20,
  sampling: { temperature: 1, maxTokens: 200 },
  timeoutMs: 120_000,
});
