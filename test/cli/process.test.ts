import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { readRolloutLine } from '../../src/contract/index.ts';
import { type ScriptedOpenAIReply, startScriptedOpenAI } from '../support/scripted-openai.ts';
import { cli } from './support.ts';

const examples = path.resolve(import.meta.dirname, '../../examples/environments');
const gsm8k = path.join(examples, 'gsm8k.ts');

/** A folder with problems whose answers are 0, 1, 2, ... */
function problems(count: number) {
  const folder = mkdtempSync(path.join(tmpdir(), 'lachesis-process-'));
  const data = path.join(folder, 'data.jsonl');
  const write = (n: number, word = 'is') => {
    const lines = Array.from({ length: n }, (_, i) =>
      JSON.stringify({ question: `What ${word} ${i}?`, answer: `#### ${i}` }),
    );
    writeFileSync(data, `${lines.join('\n')}\n`);
  };
  write(count);
  return { folder, data, write, out: path.join(folder, 'new', 'rollouts.jsonl') };
}

/** A model that answers `What is 3?` with 3, unless told otherwise. */
function pupil(reply: (question: string, asked: number) => ScriptedOpenAIReply | undefined) {
  const asked = new Map<string, number>();
  return startScriptedOpenAI({
    reply: ({ body }) => {
      const question = String(body.messages.at(-1).content);
      asked.set(question, (asked.get(question) ?? 0) + 1);
      return (
        reply(question, asked.get(question) ?? 0) ?? {
          message: { content: /\d+/.exec(question)?.[0] ?? '' },
        }
      );
    },
  });
}

function rowsOf(file: string) {
  return readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line, i) => readRolloutLine(line, `line ${i + 1}`).rollout);
}

const refusal: ScriptedOpenAIReply = { status: 400, json: { error: { message: 'not today' } } };

test('rows that are scored in the file are kept, failed ones are played again, new ones are added', async () => {
  const { data, out, write } = problems(3);
  await using api = await pupil((question, asked) =>
    question === 'What is 1?' && asked === 1 ? refusal : undefined,
  );
  const process = (...more: string[]) =>
    cli(
      ...['process', gsm8k, '--data', data, '--out', out, '--concurrency', '2'],
      ...['--openai-url', api.baseUrl, '--openai-model', 'pupil', ...more],
    );
  const first = process();
  expect([await first.code, first.err()]).toEqual([0, '']);
  expect(first.out()).toMatch(/scored {6}2, mean reward 1\.000\nnot scored {2}1\n.*not today/);
  expect(first.out()).toMatch(/tokens {6}20 prompt, 10 completion/);

  // Two attempts, and one task more: 3 + 1 of the second attempts, the failed row and the new task.
  write(4);
  const second = process('--attempts', '2');
  expect(await second.code).toBe(0);
  expect(second.out()).toMatch(/8 rows, 2 of them kept[\s\S]*6 rows played[\s\S]*scored {6}8,/);
  const rows = rowsOf(out);
  const scored = rows.filter(({ outcome }) => outcome.kind === 'scored');
  expect(scored.map(({ taskKey, index }) => `${taskKey}.${index}`).toSorted()).toEqual(
    [0, 1, 2, 3].flatMap((key) => [`${key}.0`, `${key}.1`]),
  );
  expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length);
  const asked = api.requests.length;
  expect(await process('--attempts', '2').code).toBe(0);
  expect(api.requests).toHaveLength(asked);

  // The same keys with other data are other rows.
  write(4, 'was');
  expect(await process().code).toBe(0);
  expect(api.requests).toHaveLength(asked + 4);
});

test('a torn last line is cut off and played again; a whole one without its end is kept', async () => {
  const { data, out } = problems(3);
  await using api = await pupil(() => undefined);
  const process = () =>
    cli(
      ...['process', gsm8k, '--data', data, '--out', out],
      ...['--openai-url', api.baseUrl, '--openai-model', 'pupil'],
    );
  expect(await process().code).toBe(0);
  const whole = readFileSync(out, 'utf8');
  writeFileSync(out, whole.slice(0, -300));
  const torn = process();
  expect(await torn.code).toBe(0);
  expect(torn.out()).toContain('3 rows, 2 of them kept');
  expect(rowsOf(out)).toHaveLength(3);
  writeFileSync(out, whole.slice(0, -1));
  const endless = process();
  expect(await endless.code).toBe(0);
  expect(endless.out()).toContain('3 rows, 3 of them kept');
  expect(readFileSync(out, 'utf8')).toBe(whole);
});

test("rows of another model are not mixed in, and somebody's other file stays whole", async () => {
  const { data, out, folder } = problems(1);
  await using api = await pupil(() => undefined);
  const process = (model: string, file = out, ...more: string[]) =>
    cli(
      ...['process', gsm8k, '--data', data, '--out', file],
      ...['--openai-url', api.baseUrl, '--openai-model', model, ...more],
    );
  expect(await process('a').code).toBe(0);
  const other = process('b');
  expect(await other.code).toBe(1);
  expect(other.err()).toMatch(/holds rows of model a, and this run is of b\. Give another --out/);
  const hotter = process('a', out, '--temperature', '1.5');
  expect(await hotter.code).toBe(1);
  expect(hotter.err()).toMatch(/rows of sampling {}, and this run is of {"temperature":1.5}/);
  const notes = path.join(folder, 'notes.txt');
  writeFileSync(notes, 'my notes');
  const mistaken = process('a', notes);
  expect(await mistaken.code).toBe(2);
  expect(mistaken.err()).toMatch(/notes\.txt:1: is no JSON/);
  expect(readFileSync(notes, 'utf8')).toBe('my notes');
  appendFileSync(out, 'rubbish\n');
  expect(await process('a').code).toBe(2);
});

test('rows of other settings or turns are not mixed in, though no rollout tells them', async () => {
  const { folder } = problems(0);
  const out = path.join(folder, 'levels.jsonl');
  const file = path.join(folder, 'levels.mjs');
  writeFileSync(
    file,
    `const schema = { type: 'object', properties: { level: {}, data: {} } };
    export default {
      name: 'levels', tasks: [{ data: 'What is 7?' }], prompt: ({ data }) => data,
      settings: { '~standard': { version: 1, vendor: 'x', validate: (value) => ({ value }),
        jsonSchema: { input: () => schema, output: () => schema } } },
      reward: ({ settings }) => settings.level };`,
  );
  await using api = await pupil(() => undefined);
  const process = (...more: string[]) =>
    cli(
      ...['process', file, '--out', out, '--openai-url', api.baseUrl],
      ...['--openai-model', 'pupil', ...more],
    );
  expect(await process('--set', 'level=1', '--set', 'data=a').code).toBe(0);
  expect(await process('--set', 'level=1', '--set', 'data=./a', '--attempts', '2').code).toBe(0);
  const other = process('--set', 'level=2', '--attempts', '3');
  expect(await other.code).toBe(1);
  expect(other.err()).toMatch(/played with another --set level\. Give another --out; if it makes/);
  const longer = process('--set', 'level=1', '--max-turns', '3', '--attempts', '3');
  expect(await longer.code).toBe(1);
  expect(longer.err()).toMatch(/played with another --max-turns\./);
  expect(rowsOf(out)).toHaveLength(2);
  // A setting may be a secret.
  expect(readFileSync(`${out}.conditions.json`, 'utf8')).not.toMatch(/"level": 1|"a"/);
  rmSync(`${out}.conditions.json`);
  expect(await process('--set', 'level=2', '--attempts', '3').code).toBe(0);
  writeFileSync(`${out}.conditions.json`, '{');
  const torn = process('--set', 'level=2');
  expect([await torn.code, torn.err()]).toEqual([2, expect.stringMatching(/is not of the schema/)]);
});

test('a file that another run is writing is left to it', async () => {
  const { data, out } = problems(1);
  const held = Promise.withResolvers<void>();
  const waiting = Promise.withResolvers<void>();
  await using api = await pupil((_, asked) => {
    if (asked > 1) return undefined;
    waiting.resolve();
    return { after: held.promise };
  });
  const process = () =>
    cli(
      ...['process', gsm8k, '--data', data, '--out', out],
      ...['--openai-url', api.baseUrl, '--openai-model', 'pupil'],
    );
  const first = process();
  await waiting.promise;
  const second = process();
  expect(await second.code).toBe(1);
  expect(second.err()).toContain(`is in use by process ${globalThis.process.pid}`);
  held.resolve();
  expect(await first.code).toBe(0);
  expect(existsSync(`${out}.lock`)).toBe(false);
  expect(await process().code).toBe(0);
  expect(rowsOf(out)).toHaveLength(1);
});

test('Ctrl-C keeps what is done, and the same command goes on from there', async () => {
  const { data, out } = problems(6);
  const held = Promise.withResolvers<void>();
  const waiting = Promise.withResolvers<void>();
  await using api = await pupil((question, asked) => {
    if (question !== 'What is 5?' || asked > 1) return undefined;
    waiting.resolve();
    return { after: held.promise };
  });
  const process = () =>
    cli(
      ...['process', gsm8k, '--data', data, '--out', out, '--concurrency', '1'],
      ...['--openai-url', api.baseUrl, '--openai-model', 'pupil'],
    );
  const first = process();
  await waiting.promise;
  first.stop();
  expect(await first.code).toBe(130);
  expect(first.err()).toMatch(/Stopped with 1 rows left; the same command goes on/);
  expect(rowsOf(out).map(({ outcome }) => outcome.kind)).toEqual(Array(5).fill('scored'));
  held.resolve();
  const second = process();
  expect(await second.code).toBe(0);
  expect(second.out()).toContain('6 rows, 5 of them kept');
});

test('a failure is no score: when nothing was scored, it ends with 1', async () => {
  const { data, out } = problems(2);
  await using api = await pupil(() => refusal);
  const run = cli(
    ...['process', gsm8k, '--data', data, '--out', out],
    ...['--openai-url', api.baseUrl, '--openai-model', 'pupil'],
  );
  expect(await run.code).toBe(1);
  expect(run.out()).toMatch(/scored {6}0, mean reward -\nnot scored {2}2/);
  expect(run.err()).toContain('Nothing was scored');
});

test('rewards that compare a group are given the whole group, also when one of it was missing', async () => {
  const { folder, out } = problems(1);
  const file = path.join(folder, 'race.mjs');
  writeFileSync(
    file,
    `export default {
      name: 'race', tasks: [{ data: 'Run 1' }, { data: 'Run 2' }], prompt: ({ data }) => data,
      reward: () => 0, groupReward: (rollouts) => rollouts.map(() => rollouts.length) };`,
  );
  await using api = await pupil((question, asked) =>
    question === 'Run 2' && asked === 1 ? refusal : undefined,
  );
  const process = () =>
    cli(
      ...['process', file, '--out', out, '--attempts', '3', '--concurrency', '2'],
      ...['--openai-url', api.baseUrl, '--openai-model', 'pupil'],
    );
  expect(await process().code).toBe(0);
  const again = process();
  expect(await again.code).toBe(0);
  expect(again.out()).toMatch(/6 rows, 3 of them kept[\s\S]*scored {6}6, mean reward 3\.000/);
});

test.each([
  [['process'], /FILE: is missing/],
  [['process', gsm8k], /--out: is missing/],
  [['process', gsm8k, gsm8k, '--out', 'f'], /FILE: is given twice/],
  [['process', gsm8k, '--out', tmpdir()], /--out: .* is no file/],
  [['process', gsm8k, '--out', 'f', '--tasks', '0'], /--tasks: is "0"/],
  [['process', gsm8k, '--out', 'f', '--temperature', 'hot'], /--temperature: is "hot"/],
])('%j says what is wrong', async (args, message) => {
  const run = cli(...args);
  expect([await run.code, run.err()]).toEqual([2, expect.stringMatching(message)]);
});
