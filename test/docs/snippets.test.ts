import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { EnvironmentDefinition, Rollout } from 'lachesis';
import { describe, expect, test } from 'vitest';
import { evaluate } from '../../src/environment/index.ts';
import { cli } from '../cli/support.ts';
import { boxes } from '../examples/support/boxes.ts';
import {
  callText,
  host,
  play,
  rewardOf,
  scriptedModel,
  toolResults,
} from '../examples/support/play.ts';
import * as advantages from './snippets/advantages.ts';
import capitals from './snippets/capitals.ts';
import careful from './snippets/careful.ts';
import curriculum from './snippets/curriculum.ts';
import { runElsewhere } from './snippets/elsewhere.ts';
import evaluatedCapitals from './snippets/evaluated-capitals.ts';
import guess from './snippets/guess.ts';
import guessHard from './snippets/guess-hard.ts';
import harbor from './snippets/harbor.ts';
import ladder from './snippets/ladder.ts';
import library from './snippets/library.ts';
import mixed from './snippets/mixed.ts';
import { parsers } from './snippets/own-grammar.ts';
import ownTool from './snippets/own-tool.ts';
import { playPooled } from './snippets/pooled.ts';
import repair from './snippets/repair.ts';
import shortest from './snippets/shortest.ts';
import stepwise from './snippets/stepwise.ts';
import summary from './snippets/summary.ts';
import { easy, hard } from './snippets/two-sizes.ts';

const docs = path.resolve(import.meta.dirname, '../../docs');
const snippets = path.resolve(import.meta.dirname, 'snippets');
const PAGES = [
  ...['environments.md', 'rewards.md', 'evaluation.md', 'from-hermes.md'],
  ...['engines.md', 'rendering.md', 'tool-calls.md', 'sandboxes.md', 'isolation.md'],
  'terminal-environments.md',
];

const pool = boxes();

/** TypeScript blocks by the file name of their first line. */
const shown = new Map(
  PAGES.flatMap((page) => {
    const text = readFileSync(path.join(docs, page), 'utf8');
    return [...text.matchAll(/```ts\n(?:\/\/ (\S+\.ts)\n)?[\s\S]*?```/g)].map(
      (match) => [match[1] ?? `a block without a name in ${page}`, match[0]] as const,
    );
  }),
);

test('every block of TypeScript in the pages is a file that is checked and run here', () => {
  expect([...shown.keys()].sort()).toEqual(readdirSync(snippets).sort());
});

test('what rewards.md shows of judge.ts is there', () => {
  const page = readFileSync(path.join(docs, 'rewards.md'), 'utf8');
  const parts = [...page.matchAll(/```js\n([\s\S]*?)```/g)].map(([, part = '']) => part);
  const file = path.join(docs, '../examples/environments/judge.ts');
  const text = readFileSync(file, 'utf8').replaceAll(/^ {2}/gm, '');
  expect(parts).toHaveLength(1);
  for (const part of parts) expect(text).toContain(part);
});

test.each([...shown])('%s is shown as it is', (name, block) => {
  const file = readFileSync(path.join(snippets, name), 'utf8');
  expect(block).toBe(`\`\`\`ts\n${file}\`\`\``);
});

/** What one attempt at each task earns by such answers. */
async function rewards(
  definition: EnvironmentDefinition,
  say: (prompt: string) => string,
  tasks: number,
): Promise<number[]> {
  const played = await play(await host(definition), scriptedModel(say), { tasks });
  return played.map(({ rollouts }) => rewardOf(rollouts[0]!));
}

test('capitals.ts: one of two capitals', async () => {
  expect(await rewards(capitals, () => ' Tokyo\n', 2)).toEqual([0, 1]);
});

test('evaluated-capitals.ts: one capital of the test split, eight times', async () => {
  const steps = evaluate({
    id: 'e',
    environment: await host(evaluatedCapitals),
    modelServer: scriptedModel(() => 'Tokyo'),
    signal: new AbortController().signal,
  });
  const played = await Array.fromAsync(steps);
  expect(played).toHaveLength(9);
  expect(played.at(-1)).toMatchObject({
    summary: {
      tasks: 1,
      meanReward: 1,
      conditions: { solvedAt: 0.5, sampling: { temperature: 0.7 } },
    },
  });
});

test('repair.ts in pooled.ts: the agent mends a file in a box, and the reward runs it', async () => {
  const command = "printf 'echo $((6 * 7))' > program.sh";
  const model = scriptedModel((prompt) =>
    toolResults(prompt).length === 0 ? callText('terminal', { command }) : 'Done.',
  );
  const { rollouts } = await playPooled(repair, model);
  expect(rollouts.map(rewardOf)).toEqual([1, 1]);
});

test('own-tool.ts: a tool of its own runs in the sandbox, and no file is an answer too', async () => {
  const told: string[] = [];
  const by = (script: string) =>
    scriptedModel((prompt) => {
      const results = toolResults(prompt);
      told.push(...results);
      return results.length === 0 ? callText('run', { script }) : 'Done.';
    });
  const hosted = await host(ownTool, {}, pool());
  const [right] = await play(hosted, by('echo $((6 * 7)) | tee answer.txt'));
  const [none] = await play(hosted, by('exit 3'));
  expect([right, none].map((played) => rewardOf(played!.rollouts[0]!))).toEqual([1, 0]);
  expect(told.map((result) => JSON.parse(result))).toEqual([
    { exit_code: 0, output: '42\n' },
    { exit_code: 3, output: '' },
  ]);
});

test('elsewhere.ts: a program runs a script in a sandbox of a server that serves repair.ts', async () => {
  const served = cli('serve', path.join(snippets, 'repair.ts'));
  const [, address = ''] = await served.until(/listening on (\S+)/);
  const ended = await runElsewhere('echo hello; exit 3', { address });
  expect(ended).toEqual({ stdout: 'hello\n', exitCode: 3 });
  served.stop();
  expect(await served.code).toBe(0);
});

test('harbor.ts: the agent does a task of the folder, and its tests score that', async () => {
  const command = 'echo hello > hello.txt';
  const model = scriptedModel((prompt) =>
    toolResults(prompt).length === 0 ? callText('terminal', { command }) : 'Done.',
  );
  const played = await play(await host(harbor, {}, pool()), model, { tasks: 2 });
  // Of the two tasks it is the first.
  expect(played.map(({ task }) => task.key)).toEqual(['hello-file', 'shopping-list']);
  expect(played.map(({ rollouts }) => rewardOf(rollouts[0]!))).toEqual([1, 0]);
});

test('careful.ts: a hook blocks a call and trims a result', async () => {
  const told: string[] = [];
  const model = scriptedModel((prompt) => {
    told.push(...toolResults(prompt));
    if (told.length === 0) return callText('read', { file: 'keys.txt' });
    return told.length === 1 ? callText('read', { file: 'list.txt' }) : (told.at(-1) ?? '');
  });
  const [played] = await play(await host(careful), model);
  expect(rewardOf(played!.rollouts[0]!)).toBe(1);
  expect(told[0]).toBe('{"error":"That file is not yours to read."}');
});

test('library.ts: a researcher reads, and what is said in short is not for training', async () => {
  const model = scriptedModel((prompt) => {
    if (prompt.includes('in one word')) return 'moon';
    if (prompt.includes('from the books')) {
      return toolResults(prompt)[0] ?? callText('read', { book: 'tides' });
    }
    return toolResults(prompt)[0] ?? callText('research', { question: 'What makes the tides?' });
  });
  const [played] = await play(await host(library), model);
  const [rollout] = played!.rollouts;
  expect(rewardOf(rollout!)).toBe(1);
  expect(rollout!.segments.map(({ agent }) => agent)).toEqual(['', 'researcher', 'research']);
  expect(rollout!.ledger.notForTraining).toBe('moon'.length + 1);
  expect(rollout!.ledger.trained).toBe(rollout!.ledger.sampled - 5);
});

test('curriculum.ts: right answers make the next tasks longer, and its state says so', async () => {
  const sum = (prompt: string) => {
    const [left, right] = [...prompt.matchAll(/\d+/g)].map(Number);
    return String(left! + right!);
  };
  expect(await rewards(curriculum, () => 'no idea', 2)).toEqual([0, 0]);
  expect(await curriculum.checkpoint?.save()).toEqual({ digits: 1 });
  expect(await rewards(curriculum, sum, 2)).toEqual([1, 1]);
  expect(await curriculum.checkpoint?.save()).toEqual({ digits: 3 });
  await curriculum.checkpoint?.load({ digits: 2 });
  expect(await curriculum.checkpoint?.save()).toEqual({ digits: 2 });
});

test('the fields of a result that the pages name are there', async () => {
  const [played] = await play(
    await host(capitals),
    scriptedModel(() => 'Paris'),
  );
  const { result } = played!.rollouts[0]!;
  const text = PAGES.map((page) => readFileSync(path.join(docs, page), 'utf8')).join('\n');
  const named = new Set([...text.matchAll(/`result\.(\w+)/g)].map(([, field]) => field));
  expect([...named].filter((field) => !Object.hasOwn(result, field!))).toEqual([]);
  expect(named.size).toBeGreaterThan(5);
  expect(Object.keys(result.toolCalls)).toEqual(
    expect.arrayContaining([
      ...['attempted', 'schemaValid', 'executedOk', 'execError', 'unknown'],
      ...['refused', 'repaired', 'timedOut', 'jsonSchemaValid', 'tools'],
    ]),
  );
});

test('what the pages say can be imported can be', async () => {
  const there: Record<string, unknown> = await import('lachesis');
  const text = PAGES.map((page) => readFileSync(path.join(docs, page), 'utf8')).join('\n');
  const rows = [...text.matchAll(/^\| (.*?) \|/gm)].map(([, first = '']) => first).join('\n');
  const views = /so are views on them: ([^.]*)\./.exec(text)?.[1] ?? '';
  // What is written with underscores is the other libraries'.
  const called = [...rows.matchAll(/`([a-z][A-Za-z]+)\(/g)].map(([, name = '']) => name);
  const named = [...called, ...[...views.matchAll(/`(\w+)`/g)].map(([, name = '']) => name)];
  expect(named.length).toBeGreaterThan(15);
  expect(named.filter((name) => !(name in there))).toEqual([]);
});

test('ladder.ts: a question that is solved is followed by a harder one', async () => {
  const [task] = await Array.fromAsync((await host(ladder)).tasks.tasks());
  const scored = (reward: number) =>
    ({ outcome: { kind: 'scored', reward, components: [] } }) as unknown as Rollout;
  const of = (...scores: number[]) =>
    ladder.backlog?.({ task: task as never, rollouts: scores.map(scored), settings: {} });
  expect(await of(1, 1)).toEqual([{ data: { digits: 2, a: 73, b: 8 } }]);
  expect(await of(1, 0)).toEqual([]);
  expect(await rewards(ladder, () => '56', 1)).toEqual([1]);
});

test('stepwise.ts: turns are told apart', async () => {
  const played = await play(
    await host(stepwise),
    scriptedModel(() => 'left'),
    { tasks: 2 },
  );
  expect(played.map(({ rollouts }) => rollouts[0])).toMatchObject([
    {
      outcome: { reward: 1, turnRewards: [{ messageIndex: 1, value: 1 }] },
      metrics: { messages: 2 },
    },
    { outcome: { reward: -0.1, turnRewards: [{ messageIndex: 1, value: -0.1 }] } },
  ]);
});

describe('guess.ts', () => {
  /** Halves what is left at every guess. */
  const halving = (prompt: string): string => {
    let [low, high] = [1, Number(/from 1 to (\d+)/.exec(prompt)?.[1])];
    for (const told of toolResults(prompt)) {
      const middle = Math.floor((low + high) / 2);
      if (told === 'lower') high = middle - 1;
      else low = middle + 1;
    }
    return callText('guess', { number: Math.floor((low + high) / 2) });
  };

  test.each([
    ['guess.ts', guess],
    ['guess-hard.ts', guessHard],
  ])('%s: halving earns 1, and the game ends when it is won', async (_, definition) => {
    const played = await play(await host(definition), scriptedModel(halving), { tasks: 10 });
    for (const { rollouts } of played) {
      expect(rewardOf(rollouts[0]!)).toBe(1);
      expect(rollouts[0]!.result.stopReason).toBe('environment_done');
    }
  });

  test('saying a number earns nothing, and an endless guesser is stopped after 20 turns', async () => {
    expect(await rewards(guess, () => 'It is 7.', 1)).toEqual([0]);
    const endless = scriptedModel(() => callText('guess', { number: 0 }));
    const [played] = await play(await host(guess), endless);
    expect(played!.rollouts[0]!.result).toMatchObject({ stopReason: 'max_turns', turnsUsed: 20 });
    expect(rewardOf(played!.rollouts[0]!)).toBe(0);
  });

  test('two-sizes.ts: both are there at once, each with its own settings', async () => {
    const highest = async ({ tasks }: typeof easy) =>
      ((await tasks.get('5'))!.data as { highest: number }).highest;
    expect([easy.name, hard.name]).toEqual(['guess-10', 'guess-9999']);
    expect(await highest(easy)).toBeLessThanOrEqual(10);
    expect(await highest(hard)).toBeGreaterThan(10);
    expect((await host(guessHard)).settingsJson).toEqual({ highest: 10_000 });
  });
});

test('mixed.ts: known tasks come again between three times as many made-up ones', async () => {
  const { tasks } = await host(mixed);
  const keys: string[] = [];
  for await (const { key } of tasks.tasks()) {
    keys.push(key);
    if (keys.length === 40) break;
  }
  const known = keys.filter((key) => key.startsWith('known/')).length;
  expect(known).toBeGreaterThanOrEqual(8);
  expect(known).toBeLessThanOrEqual(12);
});

describe('summary.ts', () => {
  const earned = async (text: string) => {
    const played = await play(
      await host(summary),
      scriptedModel(() => text),
      { tasks: 2 },
    );
    return played.map(({ rollouts }) => rollouts[0]!.outcome);
  };

  test.each([
    ['Moonwalk in 1969: the moon.', 1],
    ['The moon.', 0.625],
    ['Long ago there were two people who walked far.', 0],
  ])('"%s" earns %d', async (text, reward) => {
    expect((await earned(text))[0]).toMatchObject({ kind: 'scored', reward });
  });

  test('what cannot be scored is not', async () => {
    expect((await earned('Anything.'))[1]).toMatchObject({
      kind: 'not_scored',
      failure: { kind: 'environment_error', reason: 'REWARD_DECLINED' },
    });
  });
});

test('shortest.ts: the shortest right answer counts full', async () => {
  const answers = ['156', 'It is 156.', 'I think that it is 156.', '7'];
  const [played] = await play(
    await host(shortest),
    scriptedModel((_, call) => answers[call]!),
    { groupSize: 4 },
  );
  const said = ({ result }: Rollout) => JSON.stringify(result.messages.at(-1)!.content);
  const byAnswer = answers.map((answer) =>
    rewardOf(played!.rollouts.find((rollout) => said(rollout).includes(`"${answer}"`))!),
  );
  expect(byAnswer).toEqual([1, 0.5, 0.5, 0]);
});

test('advantages.ts: as the page says', () => {
  expect(advantages.some[0]).toBeCloseTo(Math.SQRT2);
  expect(advantages.some[2]).toBeUndefined();
  expect(advantages.equal).toEqual([0, 0, 0]);
  expect(advantages.centred).toEqual([0.5, -0.5, -0.5, 0.5]);
});

describe('own-grammar.ts', () => {
  const acme = parsers.get('auto', 'acme-7b');
  const stop = { tools: [], finishReason: 'stop' };

  test('reads what it writes, and leaves the rest', () => {
    const calls = [
      { name: 'f', argumentsText: '{"a": "[CALL g]{}"}' },
      { name: 'g', argumentsText: 'not JSON' },
    ];
    const text = acme.renderCalls(calls);
    expect(acme.parse(`Well. ${text}`, stop)).toEqual({ calls, content: 'Well.', diagnostics: [] });
    for (const none of ['[CALL ', '[CALL f]', '[CALL f] {', 'a [CALL is] made', '[CALL f]{"a']) {
      expect(acme.parse(none, stop)).toMatchObject({ calls: [], content: none });
    }
    expect(acme.parse('[CALL f] {"a":1}', stop).calls).toEqual([
      { name: 'f', argumentsText: '{"a":1}' },
    ]);
  });

  test('gets through what is hostile', () => {
    for (const unit of ['[CALL ', '[CALL f]', '[CALL f]{"a":', ']']) {
      acme.parse(unit.repeat(200_000), stop);
    }
  });
});

test('tool-calls.md shows the grammars that there are, and what it says they write', () => {
  const page = readFileSync(path.join(docs, 'tool-calls.md'), 'utf8');
  const rows = [...page.matchAll(/^\| (`.*?) \| (.*?) \| (.*) \| .*? \| .*? \|$/gm)];
  const named = rows.flatMap(([, names = '']) =>
    [...names.matchAll(/`(\w+)`/g)].map(([, n]) => n!),
  );
  expect(rows.length).toBeGreaterThan(10);
  expect(parsers.names.filter((name) => name !== 'acme' && !named.includes(name))).toEqual([]);
  for (const [, names = '', , example = ''] of rows) {
    const name = /`(\w+)`/.exec(names)![1]!;
    const text = /``? ?(.*?) ?``?$/.exec(example)![1]!.replaceAll('⏎', '\n').replaceAll('\\|', '|');
    const parser = parsers.get(name);
    const { calls } = parser.parse(text, { tools: [], finishReason: 'stop' });
    const said = calls.map(({ name, argumentsText }) => [name, JSON.parse(argumentsText)]);
    expect(said).toEqual([['f', { a: 1 }]]);
    expect(parser.renderCalls(calls)).toBe(text);
  }
});
