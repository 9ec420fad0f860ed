import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { finalNumber } from 'lachesis';
import { describe, expect, test } from 'vitest';
import { readRolloutLine } from '../../src/contract/index.ts';
import { ledgerBalance } from '../../src/tokens/index.ts';
import { scriptedToolCall, startScriptedOpenAI } from '../support/scripted-openai.ts';
import { cli } from './support.ts';

const root = path.resolve(import.meta.dirname, '../..');
const example = path.join(root, 'examples/environments/gsm8k.ts');
const data = path.resolve(root, '../shared/data/gsm8k/test.jsonl');
const ROWS = 50;

describe.skipIf(!existsSync(data))('50 rows of the real GSM8K', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'lachesis-gsm8k-'));

  test('process plays them with the embedded policy, and every sampled token is accounted for', async () => {
    const out = path.join(folder, 'embedded.jsonl');
    const run = () =>
      cli(
        ...['process', example, '--data', data, '--tasks', String(ROWS), '--out', out],
        ...['--max-turns', '2', '--max-tokens', '16'],
      );
    const first = run();
    expect([await first.code, first.err()]).toEqual([0, '']);
    const rollouts = readFileSync(out, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line, i) => readRolloutLine(line, `line ${i + 1}`).rollout);
    expect(rollouts).toHaveLength(ROWS);
    expect(new Set(rollouts.map(({ taskKey }) => taskKey)).size).toBe(ROWS);
    expect(rollouts.map(({ ledger }) => ledgerBalance(ledger))).toEqual(Array(ROWS).fill(0));
    const second = run();
    expect(await second.code).toBe(0);
    expect(second.out()).toContain(`${ROWS} rows, ${ROWS} of them kept`);
  });

  test('evaluate tells a pupil with a calculator, who errs in every fifth answer, at its rate', async () => {
    const answers = new Map(
      readFileSync(data, 'utf8')
        .split('\n')
        .slice(0, ROWS)
        .map((line, i) => {
          const { question, answer } = JSON.parse(line);
          const right = finalNumber(answer) ?? Number.NaN;
          return [question, i % 5 === 4 ? right + 1 : right];
        }),
    );
    await using api = await startScriptedOpenAI({
      reply: ({ body }) => {
        const last = body.messages.at(-1);
        if (last.role === 'tool') return { message: { content: `#### ${last.content}` } };
        const expression = `${answers.get(last.content)} + 0`;
        return { message: { tool_calls: [scriptedToolCall('c', 'calculator', { expression })] } };
      },
    });
    const out = path.join(folder, 'pupil');
    const run = cli(
      ...['evaluate', example, '--data', data, '--tasks', String(ROWS), '--out', out],
      ...['--openai-url', api.baseUrl, '--openai-model', 'pupil', '--attempts', '2'],
    );
    expect([await run.code, run.err()]).toEqual([0, '']);
    expect(JSON.parse(readFileSync(path.join(out, 'metrics.json'), 'utf8'))).toMatchObject({
      complete: true,
      rows: { total: 2 * ROWS, scored: 2 * ROWS },
      avg_at_k: { k: 2, value: expect.closeTo(0.8, 9), tasks: ROWS },
      pass_at_k: [{ value: expect.closeTo(0.8, 9) }, { value: expect.closeTo(0.8, 9) }],
    });
  });
});
