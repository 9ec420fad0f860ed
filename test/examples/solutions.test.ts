import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { EnvironmentDefinition, JsonObject } from 'lachesis';
import { expect, test } from 'vitest';
import gsm8k from '../../examples/environments/gsm8k.ts';
import letterCounting from '../../examples/environments/letter-counting.ts';
import shop from '../../examples/environments/shop.ts';
import toolUse from '../../examples/environments/tool-use.ts';
import { host, play, rewardOf, scriptedModel } from './support/play.ts';

const folder = path.resolve(import.meta.dirname, '../../examples/environments');

test.each(readdirSync(folder).filter((name) => name.endsWith('.ts')))(
  '%s has fewer than 80 lines',
  (name) => {
    const text = readFileSync(path.join(folder, name), 'utf8');
    expect(text.split('\n').length - 1).toBeLessThan(80);
  },
);

/** Plays a few tasks with a model that says the environment's own solution. */
async function scoresOfSolutions(definition: EnvironmentDefinition, settings: JsonObject = {}) {
  const { solution } = definition;
  if (solution === undefined) throw new Error('it has no solution');
  let said = '';
  const environment = await host(
    {
      ...definition,
      prompt: async (task, episode) => {
        said = String(await solution(task, episode));
        return definition.prompt(task, episode);
      },
    },
    settings,
  );
  const model = scriptedModel(() => said);
  const scores: number[] = [];
  for (let seed = 1; seed <= 3; seed++) {
    const [played] = await play(environment, model, { seed });
    scores.push(rewardOf(played!.rollouts[0]!));
  }
  return scores;
}

test.each([
  ['shop', shop],
  ['letter-counting', letterCounting],
  ['tool-use', toolUse],
])('the solution of %s earns all there is', async (_, definition) => {
  for (const score of await scoresOfSolutions(definition)) expect(score).toBeCloseTo(1);
});

test('the solution of gsm8k earns all there is', async () => {
  const own = await mkdtemp(path.join(tmpdir(), 'lachesis-solutions-'));
  try {
    const data = path.join(own, 'lines.jsonl');
    await writeFile(data, '{"question":"What are 9 * 2?","answer":"9 * 2 = 18\\n#### 18"}\n');
    expect(await scoresOfSolutions(gsm8k, { data })).toEqual([1, 1, 1]);
  } finally {
    await rm(own, { recursive: true, force: true });
  }
});
