// Checked by tsc, never run: what `defineEnvironment` infers from tasks, setup and settings.
import {
  type AgentResult,
  defineEnvironment,
  generated,
  type JsonValue,
  jsonl,
  type Message,
  type Rollout,
  tool,
} from 'lachesis';
import { z } from 'zod';
import { sameType } from './same-type.ts';

interface Sum {
  readonly a: number;
  readonly b: number;
}

// Tasks alone: the data reaches prompt and reward, and there is no state.
defineEnvironment({
  name: 'array',
  tasks: [{ data: { a: 1, b: 2 } }, { key: 'k', split: 'test', data: { a: 3, b: 4 } }],
  prompt: (task, { state }) => {
    sameType<typeof task.data, { a: number; b: number }>();
    sameType<typeof task.key, string>();
    sameType<typeof state, undefined>();
    return `${task.data.a}`;
  },
  reward: ({ task, state, finalText, result, signal }) => {
    sameType<typeof task.data, { a: number; b: number }>();
    sameType<typeof state, undefined>();
    sameType<typeof finalText, string>();
    sameType<typeof result, AgentResult>();
    sameType<typeof signal, AbortSignal>();
    return task.data.a;
  },
});

// Setup makes the state, which every later function has.
defineEnvironment({
  name: 'state',
  tasks: generated((index, random) => {
    sameType<typeof index, number>();
    return { seed: random() };
  }),
  setup: async (task, { random, rolloutId, signal }) => {
    sameType<typeof task.data, { seed: number }>();
    sameType<typeof random, () => number>();
    sameType<typeof rolloutId, string>();
    sameType<typeof signal, AbortSignal>();
    return { board: [task.data.seed], moves: new Set<string>() };
  },
  prompt: (task, { state }): Message[] => {
    sameType<typeof state, { board: number[]; moves: Set<string> }>();
    return [{ role: 'user', content: [{ kind: 'text', text: `${task.data.seed}` }] }];
  },
  isDone: ({ task, state }) => {
    sameType<typeof task.data, { seed: number }>();
    sameType<typeof state, { board: number[]; moves: Set<string> }>();
    return state.moves.size > 3;
  },
  reward: async ({ state }) => {
    sameType<typeof state, { board: number[]; moves: Set<string> }>();
    return { components: [{ name: 'moves', value: state.moves.size, weight: 0.5 }] };
  },
  teardown: (state) => {
    sameType<typeof state, { board: number[]; moves: Set<string> }>();
  },
});

// Settings are what the schema gives, defaults applied.
defineEnvironment({
  name: 'settings',
  settings: z.object({ data: z.string(), hard: z.boolean().default(false) }),
  tasks: ({ data, hard }) => {
    sameType<typeof data, string>();
    sameType<typeof hard, boolean>();
    return jsonl(data, {
      map: (line, position): Sum & { n: number } => ({ ...sum(line), n: position }),
    });
  },
  setup: (task, { settings }) => {
    sameType<typeof settings, { data: string; hard: boolean }>();
    return task.data.a + task.data.n;
  },
  prompt: (task, { state, settings }) => {
    sameType<typeof task.data, Sum & { n: number }>();
    sameType<typeof state, number>();
    sameType<typeof settings, { data: string; hard: boolean }>();
    return 'q';
  },
  reward: ({ task, state, settings }) => {
    sameType<typeof task.data, Sum & { n: number }>();
    sameType<typeof state, number>();
    sameType<typeof settings, { data: string; hard: boolean }>();
    return settings.hard ? 1 : { notScored: 'the referee is away' };
  },
  groupReward: (rollouts) => {
    sameType<typeof rollouts, readonly Rollout[]>();
    return rollouts.map(() => 1);
  },
  close: async ({ settings }) => {
    sameType<typeof settings, { data: string; hard: boolean }>();
  },
});

// Settings with an asynchronous source, and a list made of them.
defineEnvironment({
  name: 'async-settings',
  settings: z.object({ count: z.number() }),
  tasks: async ({ count }) => Array.from({ length: count }, (_, n) => ({ data: { n } })),
  prompt: ({ data }) => {
    sameType<typeof data, { n: number }>();
    return String(data.n);
  },
  reward: ({ task }) => {
    sameType<typeof task.data, { n: number }>();
    return 0;
  },
});

// A file of JSON lines without a map is JSON.
defineEnvironment({
  name: 'json',
  tasks: jsonl('tasks.jsonl'),
  prompt: ({ data }) => {
    sameType<typeof data, JsonValue>();
    return '';
  },
  reward: () => 0,
});

const ping = tool({
  name: 'ping',
  description: '',
  parameters: z.object({}),
  execute: () => 'pong',
});

// What is wrong is an error where it is written.
// @ts-expect-error an environment has tasks
defineEnvironment({ name: 'x', prompt: () => '', reward: () => 0 });
// @ts-expect-error an environment has a reward
defineEnvironment({ name: 'x', tasks: [{ data: 1 }], prompt: () => '' });
// @ts-expect-error an environment has a name
defineEnvironment({ tasks: [{ data: 1 }], prompt: () => '', reward: () => 0 });
// @ts-expect-error a task holds its data under `data`
defineEnvironment({ name: 'x', tasks: [{ a: 1 }], prompt: () => '', reward: () => 0 });
// @ts-expect-error a reward is no text
defineEnvironment({ name: 'x', tasks: [{ data: 1 }], prompt: () => '', reward: () => '1' });
// @ts-expect-error a reward may not be left out of an answer
defineEnvironment({ name: 'x', tasks: [{ data: 1 }], prompt: () => '', reward: () => undefined });
// @ts-expect-error a prompt is text or messages
defineEnvironment({ name: 'x', tasks: [{ data: 1 }], prompt: () => 1, reward: () => 0 });

defineEnvironment({
  name: 'x',
  tasks: [{ data: { a: 1 } }],
  // @ts-expect-error the data has no b
  prompt: (task) => String(task.data.b),
  // @ts-expect-error the data has no b
  reward: ({ task }) => task.data.b,
});
defineEnvironment({
  name: 'x',
  tasks: [{ data: 1 }],
  setup: () => ({ tries: 0 }),
  prompt: () => '',
  // @ts-expect-error the state has no score
  reward: ({ state }) => state.score,
});
defineEnvironment({
  name: 'x',
  settings: z.object({ hard: z.boolean() }),
  tasks: [{ data: 1 }],
  prompt: () => '',
  // @ts-expect-error the settings have no easy
  reward: ({ settings }) => (settings.easy ? 1 : 0),
});
defineEnvironment({
  name: 'x',
  tasks: [{ data: 1 }],
  prompt: () => '',
  reward: () => 0,
  // @ts-expect-error limits are numbers of milliseconds
  timeoutMs: '10s',
});
defineEnvironment({
  name: 'x',
  tasks: [{ data: 1 }],
  prompt: () => '',
  reward: () => 0,
  // @ts-expect-error there is no such option
  maxTurn: 3,
});
defineEnvironment({
  name: 'x',
  tasks: [{ data: 1 }],
  tools: [
    ping,
    // @ts-expect-error a tool is made with tool()
    { name: 'x', execute: () => '' },
  ],
  prompt: () => '',
  reward: () => 0,
});

function sum(line: JsonValue): Sum {
  return line as unknown as Sum;
}
