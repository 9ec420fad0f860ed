import { type ModelServer, textOf } from 'lachesis';
import { expect, test } from 'vitest';
import codeWithTests from '../../examples/environments/code-with-tests.ts';
import { boxes } from './support/boxes.ts';
import { callText, host, play, rewardOf, scriptedModel, toolResults } from './support/play.ts';

const pool = boxes();

const runs = (command: string): ModelServer =>
  scriptedModel((prompt) =>
    toolResults(prompt).length > 0 ? 'Done.' : callText('terminal', { command }),
  );

/** A program that says 0 whatever it is asked, and what else it does. */
const program = (body: string): string =>
  `printf '%s\\n' '#!/bin/bash' ${JSON.stringify(body)} > solve`;

/** What the first task earns: the sum of the numbers that some k divides. */
async function reward(command: string, freshBox = false): Promise<number> {
  const environment = await host(codeWithTests, { freshBox }, pool());
  const [played] = await play(environment, runs(command), { tasks: 1 });
  expect(pool().stats().leased).toBe(0);
  return rewardOf(played!.rollouts[0]!);
}

type Data = { ask: string; tests: readonly { input: string }[] };

async function firstTask(): Promise<Data> {
  const task = await (await host(codeWithTests, {}, pool())).tasks.get('0');
  return task?.data as Data;
}

test.each([false, true])('each test that passes earns its share (fresh box: %s)', async (fresh) => {
  const { ask, tests } = await firstTask();
  const divisor = Number(/that (\d+) divides/.exec(ask)?.[1]);
  const sum = `awk '{ for (i = 1; i <= NF; i++) if ($i % ${divisor} == 0) s += $i; print s + 0 }'`;
  const script = (rest: string) => `cat > solve <<'END'\n#!/bin/sh\n${rest}\nEND`;
  expect(await reward(script(sum), fresh)).toBe(1);
  // The second test is answered with nothing at all.
  const partly = script(
    `read line; [ "$line" = "${tests[1]?.input.trim()}" ] || echo "$line" | ${sum}`,
  );
  expect(await reward(partly, fresh)).toBeCloseTo(4 / 5);
  expect(await reward('true', fresh)).toBe(0);
});

test('the tests are in the box at scoring time alone, and what they should say never is', async () => {
  let seen = '';
  const watched: typeof codeWithTests = {
    ...codeWithTests,
    reward: async (context) => {
      const value = await codeWithTests.reward(context);
      seen = await context.sandbox.readText('/tmp/spy');
      return value;
    },
  };
  const environment = await host(watched, { freshBox: false }, pool());
  const spy = program('ls >> /tmp/spy; cat [0-9] >> /tmp/spy; exit 1');
  const [played] = await play(environment, runs(`${spy}; find /tmp /workspace -type f`), {
    tasks: 1,
  });
  const { messages } = played!.rollouts[0]!.result;
  const told = messages.find(({ role }) => role === 'tool');
  expect(JSON.parse(textOf(told!))).toMatchObject({ output: '/workspace/solve' });
  expect(rewardOf(played!.rollouts[0]!)).toBe(0);
  const { tests } = played!.task.data as { tests: { input: string; says: string }[] };
  expect(seen).toContain(tests[4]!.input);
  const answers = tests.map(({ says }) => says).filter((says) => says.length > 2);
  expect(answers.length).toBeGreaterThan(0);
  for (const says of answers) expect(seen).not.toMatch(new RegExp(`^${says}$`, 'm'));
});

test('what the agent left in its box is not in the fresh one', async () => {
  const cheat = `echo hidden > /tmp/mark; ${program('[ -e /tmp/mark ] && echo old || echo new')}`;
  expect(await reward(cheat, true)).toBe(0);
});

test('a folder, a link or a pipe of the program’s name earns nothing', async () => {
  for (const command of ['mkdir solve', 'ln -s /nowhere solve', 'mkfifo solve']) {
    expect(await reward(command)).toBe(0);
  }
});
