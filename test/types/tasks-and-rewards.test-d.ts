// Checked by tsc, never run: types of task views and of reward helpers.
import {
  assignSplits,
  bestOfN,
  concatTasks,
  createDirectServer,
  defineEnvironment,
  filterTasks,
  generated,
  type JsonValue,
  judge,
  limitToolCalls,
  mapTasks,
  mixture,
  parquet,
  shuffleTasks,
  skipTasks,
  splitTasks,
  type TaskSource,
  takeTasks,
  turnRewards,
  type WorkerReward,
  type WorkerRewardInput,
  workerReward,
} from 'lachesis';
import { sameType } from './same-type.ts';

interface Sum {
  readonly a: number;
  readonly b: number;
}

// A view has the data of what it is a view of.
const sums: TaskSource<Sum> = generated((a) => ({ a, b: 1 }));
sameType<ReturnType<typeof takeTasks<Sum>>, TaskSource<Sum>>();
const head = takeTasks(sums, 10);
sameType<typeof head, TaskSource<Sum>>();
const shuffled = shuffleTasks(skipTasks(head, 1), 7);
sameType<typeof shuffled, TaskSource<Sum>>();
const small = filterTasks(shuffled, ({ data, key, split }) => {
  sameType<typeof data, Sum>();
  sameType<typeof key, string>();
  sameType<typeof split, string>();
  return data.a < 5;
});
sameType<typeof small, TaskSource<Sum>>();
const texts = mapTasks(small, async ({ a, b }, task) => {
  sameType<typeof task.data, Sum>();
  return `${a} + ${b}`;
});
sameType<typeof texts, TaskSource<string>>();

// An array of tasks is taken for a source.
const fromArray = takeTasks([{ data: 'x' }], 1);
sameType<typeof fromArray, TaskSource<string>>();

// The names of splits are known.
const parts = splitTasks(sums, { train: 0.9, test: 0.1 }, 1);
sameType<typeof parts.train, TaskSource<Sum>>();
sameType<keyof typeof parts, 'train' | 'test'>();
// @ts-expect-error there is no such split
parts.validation;
const labelled = assignSplits(sums, { train: 1 });
sameType<typeof labelled, TaskSource<Sum>>();

const joined = concatTasks([{ source: texts, name: 'easy' }, { source: [{ data: 'x' }] }]);
sameType<typeof joined, TaskSource<string>>();
const mixed = mixture(
  [
    { source: texts, weight: 3 },
    { source: joined, weight: 1 },
  ],
  { seed: 1 },
);
sameType<typeof mixed, TaskSource<string>>();
// @ts-expect-error a source of a mixture has a weight
mixture([{ source: texts }]);

// Rows of a Parquet file are JSON until they are mapped.
const plainRows = takeTasks(parquet('tasks.parquet'), 1);
sameType<typeof plainRows, TaskSource<JsonValue>>();
const rows = parquet('tasks.parquet', { key: 'id', map: (row, position) => ({ row, position }) });
defineEnvironment({
  name: 'rows',
  tasks: rows,
  agent: { maxParallelToolCalls: 1, hooks: { beforeToolCall: [limitToolCalls(3)] } },
  failedRollouts: { retry: 2, quorum: 4 },
  prompt: ({ data }) => {
    sameType<typeof data, { row: JsonValue; position: number }>();
    return String(data.position);
  },
  solution: ({ data }, { state }) => {
    sameType<typeof data, { row: JsonValue; position: number }>();
    sameType<typeof state, undefined>();
    return String(data.position);
  },
  reward: ({ result }) => ({
    components: [
      {
        name: 'turns',
        value: turnRewards(result, ({ toolResults }) => toolResults.length).value,
        range: [0, 30],
      },
    ],
  }),
});
defineEnvironment({
  name: 'x',
  tasks: [{ data: 1 }],
  prompt: () => '',
  // @ts-expect-error a range has two ends
  reward: () => ({ components: [{ name: 'a', value: 1, range: [0] }] }),
});

// A judge's input and verdict are its own.
const grade = judge({
  server: createDirectServer({ baseUrl: 'http://127.0.0.1:1/v1', model: 'm' }),
  prompt: ({ question, answer }: { question: string; answer: string }) => question + answer,
  parse: (text) => (text === '' ? undefined : { points: Number(text) }),
});
const signal = new AbortController().signal;
sameType<ReturnType<typeof grade>, Promise<{ points: number }>>();
void grade({ question: 'q', answer: 'a' }, { signal });
// @ts-expect-error the judge is asked with what its prompt needs
void grade({ question: 'q' }, { signal });
// @ts-expect-error a judge has somebody who answers
judge({ prompt: () => '', parse: () => 1 });

const best = bestOfN([{ reward: 1 }], ({ reward }) => reward, { n: 2 });
sameType<typeof best, { reward: number }[]>();

// A reward in threads is a reward of any environment, and is given back.
const threaded = workerReward(new URL('./score.ts', import.meta.url), {
  threads: 2,
  timeoutMs: 5_000,
  loadTimeoutMs: 60_000,
  maxOldGenerationMb: 256,
  maxWaiting: 100,
});
sameType<typeof threaded, WorkerReward>();
sameType<ReturnType<(typeof threaded)[typeof Symbol.asyncDispose]>, PromiseLike<void>>();
workerReward('score.ts');
defineEnvironment({
  name: 'x',
  tasks: [{ data: { a: 1 } }],
  setup: () => ({ tries: 0 }),
  prompt: ({ data, key }) => {
    sameType<typeof data, { a: number }>();
    return key;
  },
  reward: threaded,
});
// @ts-expect-error a module is a file URL or a path
workerReward(() => 1);
// @ts-expect-error there is no such option
workerReward('score.ts', { workers: 2 });
// The module's function names what it is given; there is no signal, which can't be copied.
type Scored = WorkerRewardInput<{ a: number }, { tries: number }, { hard: boolean }>;
sameType<Scored['task']['data'], { a: number }>();
sameType<Scored['state'], { tries: number }>();
sameType<Scored['settings'], { hard: boolean }>();
sameType<keyof Scored, 'task' | 'state' | 'settings' | 'result' | 'finalText'>();
