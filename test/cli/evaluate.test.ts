import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test, vi } from 'vitest';
import { meanInterval, wilsonInterval } from '../../src/cli/evaluate/intervals.ts';
import type { Metrics } from '../../src/cli/evaluate/metrics.ts';
import { metricsTable } from '../../src/cli/evaluate/table.ts';
import { RunningMean } from '../../src/environment/index.ts';
import { serveFiles, textFile } from '../support/file-server.ts';
import { startScriptedOpenAI } from '../support/scripted-openai.ts';
import { cli } from './support.ts';

const gsm8k = path.resolve(import.meta.dirname, '../../examples/environments/gsm8k.ts');

/** Four problems; a model that knows 0 and 1 always, 2 the second time of two, and 3 never. */
async function school() {
  const folder = mkdtempSync(path.join(tmpdir(), 'lachesis-evaluate-'));
  const data = path.join(folder, 'data.jsonl');
  const lines = [0, 1, 2, 3].map((i) =>
    JSON.stringify({ question: `What is ${i}?`, answer: `#### ${i}` }),
  );
  writeFileSync(data, lines.join('\n'));
  const asked = new Map<string, number>();
  const api = await startScriptedOpenAI({
    reply: ({ body }) => {
      const question = String(body.messages.at(-1).content);
      const times = (asked.get(question) ?? 0) + 1;
      asked.set(question, times);
      const n = Number(/\d/.exec(question)?.[0]);
      const knows = n < 2 || (n === 2 && times % 2 === 0);
      return { message: { content: knows ? String(n) : 'no idea' } };
    },
  });
  const out = path.join(folder, 'results');
  const evaluate = (...more: string[]) =>
    cli(
      ...['evaluate', gsm8k, '--data', data, '--out', out, '--concurrency', '1'],
      ...['--openai-url', api.baseUrl, '--openai-model', 'pupil', ...more],
    );
  const metrics = (): Metrics => JSON.parse(readFileSync(path.join(out, 'metrics.json'), 'utf8'));
  const samples = () =>
    readFileSync(path.join(out, 'samples.jsonl'), 'utf8').trimEnd().split('\n').length;
  return { api, evaluate, metrics, samples, [Symbol.asyncDispose]: () => api.close() };
}

test('avg@k and pass@k with intervals, which a second run with more tasks and attempts grows', async () => {
  await using at = await school();
  const first = at.evaluate('--tasks', '2');
  expect([await first.code, first.err()]).toEqual([0, '']);
  expect(at.metrics()).toMatchObject({
    complete: true,
    tasks: 2,
    attempts: 1,
    rows: { total: 2, scored: 2, not_scored: 0 },
    pass_at_k: [{ k: 1, value: 1, interval: { high: 1 }, tasks: 2 }],
  });
  const second = at.evaluate('--attempts', '2');
  expect(await second.code).toBe(0);
  expect(second.out()).toContain('8 rows, 2 of them kept');
  expect(at.samples()).toBe(8);
  const metrics = at.metrics();
  expect(metrics).toMatchObject({
    schema: 'lachesis.metrics/1',
    environment: 'gsm8k',
    environment_version: '1',
    model: 'pupil',
    complete: true,
    tasks: 4,
    avg_at_k: { k: 2, value: 0.625, tasks: 4 },
    pass_at_k: [
      { k: 1, value: 0.625, tasks: 4 },
      { k: 2, value: 0.75, tasks: 4 },
    ],
    failures: {},
    tokens: { prompt: 80, completion: 40, sampled: 0 },
  });
  expect(second.out()).toMatch(/avg@2 +0\.625 +0\.219 to 0\.908 +4\npass@1 +62\.5 % /);
  expect(second.out()).toMatch(/pass@2 +75\.0 % +30\.1 % to 95\.4 % +4\nsolved is a reward of/);
  expect(at.api.requests).toHaveLength(8);
});

test('an environment says how it is evaluated, flags go before it, and process does not read it', async () => {
  await using at = await school();
  const folder = mkdtempSync(path.join(tmpdir(), 'lachesis-evaluate-own-'));
  const file = path.join(folder, 'own.ts');
  writeFileSync(
    file,
    `import gsm8k from ${JSON.stringify(gsm8k)};
     export default {
       ...gsm8k,
       tasks: [0, 1, 2, 3].map((i) => ({
         split: i < 2 ? 'easy' : 'hard',
         data: { question: 'What is ' + i + '?', answer: '#### ' + i },
       })),
       settings: undefined,
       reward: (context) => ({
         components: [{ name: 'right', value: gsm8k.reward(context), weight: 0.5 }],
         metrics: { ['of\\n' + context.task.split]: context.finalText.length },
       }),
       evaluation: { split: 'easy', maxTasks: 1, attempts: 2, solvedAt: 0.5, sampling: { topK: 3 } },
     };`,
  );
  const model = ['--openai-url', at.api.baseUrl, '--openai-model', 'pupil'];
  const run = async (name: string, ...more: string[]) => {
    const out = path.join(folder, name);
    const evaluate = cli('evaluate', file, '--out', out, ...model, ...more);
    expect([await evaluate.code, evaluate.err()]).toEqual([0, '']);
    return [
      JSON.parse(readFileSync(path.join(out, 'metrics.json'), 'utf8')) as Metrics,
      evaluate.out(),
    ] as const;
  };
  const [own, said] = await run('own');
  expect(said).toContain(
    `the environment's own evaluation: split "easy", tasks 1, attempts 2, solved-at 0.5, topK 3\n`,
  );
  expect(own).toMatchObject({
    ...{ tasks: 1, attempts: 2, split: 'easy', solved_at: 0.5 },
    pass_at_k: [{ value: 1 }, { k: 2, value: 1 }],
    components: { right: { mean: 1, count: 2 } },
    metrics: { 'of\neasy': { mean: 1, count: 2 } },
    names_left_out: false,
  });
  expect(at.api.requests[0]?.body.top_k).toBe(3);
  expect(said).toMatch(/component +mean +rollouts\nright +1 +2\n\nmetric +mean +rollouts\nof easy/);
  const flags = ['--split=', '--tasks', 'all', '--attempts', '1', '--solved-at', '1'];
  const [asked, saidOf] = await run('asked', ...flags);
  expect(saidOf).toContain(`the environment's own evaluation: topK 3\n`);
  expect(asked).toMatchObject({ tasks: 4, attempts: 1, split: '', pass_at_k: [{ value: 0 }] });
  const process = cli('process', file, '--out', path.join(folder, 'rollouts.jsonl'), ...model);
  expect([await process.code, process.out()]).toEqual([0, expect.stringContaining(': 4 rows, 0')]);
  expect(at.api.requests.at(-1)?.body.top_k).toBeUndefined();
});

test('tasks may lie behind a URL, whose copy serves the next run; Ctrl-C ends a download', async () => {
  await using at = await school();
  const folder = mkdtempSync(path.join(tmpdir(), 'lachesis-evaluate-url-'));
  vi.stubEnv('TMPDIR', folder);
  onTestFinished(() => void vi.unstubAllEnvs());
  await using files = await serveFiles(
    textFile('{"question":"What is 1?","answer":"#### 1"}\n', '"1"'),
  );
  const data = ['--data', `${files.address}/test.jsonl`];
  expect(await at.evaluate(...data).code).toBe(0);
  expect(at.metrics()).toMatchObject({ tasks: 1, avg_at_k: { value: 1 } });
  const again = at.evaluate(...data);
  expect([await again.code, again.out()]).toEqual([0, expect.stringContaining('1 of them kept')]);
  expect(files.requests[1]?.headers['if-none-match']).toBe('"1"');
  const asked = Promise.withResolvers<void>();
  await using slow = await serveFiles(() => asked.resolve());
  const waiting = at.evaluate('--data', `${slow.address}/test.jsonl`);
  await asked.promise;
  waiting.stop();
  expect(await waiting.code).toBe(130);
});

test('metrics.json is written on the way, and after Ctrl-C it says that it is not complete', async () => {
  await using at = await school();
  const run = at.evaluate('--attempts', '20');
  await run.until(/\b8 of 80/);
  expect(at.metrics().rows.total).toBe(80);
  expect(at.metrics().rows.scored).toBeGreaterThanOrEqual(4);
  run.stop();
  expect(await run.code).toBe(130);
  expect(at.metrics()).toMatchObject({ complete: false, rows: { scored: at.samples() } });
});

test('the table has the first 20 means, says how many more there are, and whether names are missing', () => {
  const means = (count: number) =>
    Object.fromEntries(
      Array.from({ length: count }, (_, i) => [`name-${i}`, { mean: i / 3, count: 7 }]),
    );
  const figures = { avg_at_k: null, pass_at_k: [], solved_at: 1, components: {} };
  const table = (count: number, isCut: boolean) =>
    metricsTable({
      ...figures,
      metrics: means(count),
      names_left_out: isCut,
    } as unknown as Metrics);
  expect(table(0, false)).not.toMatch(/mean|left out/);
  expect(table(21, true)).toMatch(
    /name-19 +6\.333 +7\n1 more in metrics\.json\nnames after .* out\n$/,
  );
  expect(table(20, false)).toMatch(/name-19 +6\.333 +7\n$/);
});

test('an interval holds the rate that it is of, lies within 0 and 1, and narrows with trials', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.integer({ min: 1, max: 1e6 }),
      (rate, trials) => {
        const { low, high } = wilsonInterval(rate, trials)!;
        expect(low).toBeGreaterThanOrEqual(0);
        expect(high).toBeLessThanOrEqual(1);
        expect(low).toBeLessThanOrEqual(rate);
        expect(high).toBeGreaterThanOrEqual(rate);
        const more = wilsonInterval(rate, trials * 4)!;
        expect(more.high - more.low).toBeLessThan(high - low);
      },
    ),
  );
  // Published values: 8 of 10 is 0.490 to 0.943.
  expect(wilsonInterval(0.8, 10)).toMatchObject({
    low: expect.closeTo(0.4902, 4),
    high: expect.closeTo(0.9433, 4),
  });
  expect([wilsonInterval(0, 0), meanInterval([1])]).toEqual([undefined, undefined]);
  expect(meanInterval([2, 2, 2])).toEqual({ low: 2, high: 2 });
});

test('figures of huge rewards are numbers, or none', () => {
  const { low, high } = meanInterval([1e200, 3e200])!;
  expect([low / 1e200, high / 1e200]).toEqual([expect.closeTo(0.04, 2), expect.closeTo(3.96, 2)]);
  expect(meanInterval([1e308, -1e308, 1.7e308])).toBeUndefined();
  const mean = new RunningMean();
  for (const value of [1.5e308, 1.5e308, 1.5e308]) mean.add(value);
  expect(mean.mean / 1e308).toBeCloseTo(1.5, 9);
});

test.each([
  [['evaluate', gsm8k], /--out: is missing\. Give the folder/],
  [['evaluate', gsm8k, '--out', gsm8k], /--out: can't be made/],
  [['evaluate', gsm8k, '--out', 'x', '--solved-at', 'most'], /--solved-at: is "most"/],
])('%j says what is wrong', async (args, message) => {
  const run = cli(...args);
  expect([await run.code, run.err()]).toEqual([2, expect.stringMatching(message)]);
});
