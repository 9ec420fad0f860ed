import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cli } from '../cli/support.ts';
import { type ScriptedOpenAI, startScriptedOpenAI } from '../support/scripted-openai.ts';

const examples = path.resolve(import.meta.dirname, '../../examples/environments');
const names = readdirSync(examples).filter((name) => name.endsWith('.ts'));

let folder: string;
let strict: ScriptedOpenAI;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lachesis-validate-'));
  const line = { question: 'What are 9 * 2?', answer: '9 * 2 = 18\n#### 18' };
  await writeFile(path.join(folder, 'maths.jsonl'), `${JSON.stringify(line)}\n`);
  strict = await startScriptedOpenAI({ reply: () => ({ message: { content: 'Grade: 0' } }) });
});
afterAll(async () => {
  await strict?.close();
  await rm(folder, { recursive: true, force: true });
});

const settingsOf = (name: string): readonly string[] => {
  if (name === 'gsm8k.ts') return ['--data', path.join(folder, 'maths.jsonl')];
  if (name !== 'judge.ts') return [];
  return ['--set', `judgeUrl=${strict.baseUrl}`, '--set', 'judgeModel=strict'];
};

test.each(names)('%s passes lachesis validate', async (name) => {
  const run = cli('validate', path.join(examples, name), ...settingsOf(name));
  expect(await run.code, run.out() + run.err()).toBe(0);
  // A judge and a game of chance have no answer that is right.
  const solved = !['judge.ts', 'blackjack.ts'].includes(name);
  expect(run.out()).toMatch(solved ? /solutions +ok/ : /solutions +skipped/);
});

test.each(names)('%s has fewer than 80 lines', (name) => {
  const text = readFileSync(path.join(examples, name), 'utf8');
  expect(text.split('\n').length - 1).toBeLessThan(80);
});
