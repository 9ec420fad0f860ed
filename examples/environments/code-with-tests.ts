// The agent writes a program, and hidden tests score it. Their files are in the box only once it is done; with
// `--set freshBox=true` in a box that the agent never saw. What they should say is in no box at all.
import { randomUUID } from 'node:crypto';
import { defineEnvironment, generated, outputText, sandboxTools } from 'lachesis';
import { z } from 'zod';

const TESTS = 5;
type Answer = (numbers: readonly number[], k: number) => readonly number[];
/** What is asked, the right answer, and how awk finds it. */
const PROBLEMS: readonly (readonly [ask: string, answer: Answer, awk: string])[] = [
  [
    'the sum of those that K divides',
    (all, k) => [all.filter((n) => n % k === 0).reduce((sum, n) => sum + n, 0)],
    '{ for (i = 1; i <= NF; i++) if ($i % K == 0) s += $i; print s + 0 }',
  ],
  [
    'how many are larger than the one before',
    (all) => [all.filter((n, i) => n > (all[i - 1] ?? n)).length],
    '{ for (i = 2; i <= NF; i++) if ($i > $(i - 1)) c++; print c + 0 }',
  ],
  [
    'the sum of all up to each of them',
    (all) => all.map((_, i) => all.slice(0, i + 1).reduce((sum, n) => sum + n, 0)),
    '{ for (i = 1; i <= NF; i++) printf "%d ", s += $i }',
  ],
  [
    'every K-th of them, the K-th first',
    (all, k) => all.filter((_, i) => (i + 1) % k === 0),
    '{ for (i = K; i <= NF; i += K) printf "%d ", $i }',
  ],
  [
    'all of them, last first, times K',
    (all, k) => all.toReversed().map((n) => n * k),
    '{ for (i = NF; i > 0; i--) printf "%d ", $i * K }',
  ],
];

export default defineEnvironment({
  name: 'code-with-tests',
  version: '1',
  description: 'Write a program that passes tests which are not shown.',
  settings: z.object({ freshBox: z.boolean().default(false).describe('Test it in a fresh box.') }),
  tasks: generated((index, random) => {
    const draw = (least: number, most: number) => least + Math.floor(random() * (most - least + 1));
    const [ask, answer, awk] = PROBLEMS[index % PROBLEMS.length] ?? PROBLEMS[0]!;
    const k = draw(2, 5);
    const tests = Array.from({ length: TESTS }, () => {
      const numbers = Array.from({ length: draw(5, 12) }, () => draw(0, 99));
      return { input: `${numbers.join(' ')}\n`, says: answer(numbers, k).join(' ') };
    });
    return { ask: ask.replaceAll('K', `${k}`), awk: awk.replaceAll('K', `${k}`), tests };
  }),
  sandbox: {},
  tools: sandboxTools(['terminal', 'files']),
  prompt: ({ data }) =>
    `Write a program: the executable file solve. It reads a line of numbers, and prints ${data.ask}.`,
  reward: async ({ task, settings, sandbox, openSandbox }) => {
    const made = await sandbox.stat('solve');
    if (made?.type !== 'file' || made.size > 1_000_000) return 0;
    const box = settings.freshBox ? await openSandbox() : sandbox;
    const folder = `/tmp/${randomUUID()}`;
    await box.writeFile(`${folder}/solve`, await sandbox.readFile('solve'), { mode: 0o755 });
    let passed = 0;
    for (const [i, { input, says }] of task.data.tests.entries()) {
      await box.writeFile(`${folder}/${i}`, input);
      const done = await box.exec(`cd ${folder} && ./solve < ${i}`, { timeoutMs: 5_000 });
      if (done.exitCode === 0 && outputText(done.stdout).trim() === says) passed += 1;
    }
    return passed / TESTS;
  },
  solution: ({ data }) => {
    const command = `printf '%s\\n' '#!/usr/bin/awk -f' '${data.awk}' > solve`;
    const call = { id: '1', name: 'terminal', argumentsText: JSON.stringify({ command }) };
    return [{ role: 'assistant', content: [], toolCalls: [call] }];
  },
  maxTurns: 20,
});
