import type { HostedEnvironment, ModelServer, Task } from 'lachesis';
import { beforeAll, expect, test } from 'vitest';
import terminalTasks from '../../examples/environments/terminal-tasks.ts';
import { boxes } from './support/boxes.ts';
import { callText, host, play, rewardOf, scriptedModel, toolResults } from './support/play.ts';

type Chore = Task<{ ask: string; command: string; files: Record<string, string> }>;

const pool = boxes();
let environment: HostedEnvironment;
let chores: readonly Chore[];
beforeAll(async () => {
  environment = await host(terminalTasks, {}, pool());
  const keys = Array.from({ length: 16 }, (_, i) => String(i));
  chores = (await Promise.all(keys.map((key) => environment.tasks.get(key)))) as Chore[];
});

/** An agent that runs a command of its own for each chore, and answers. */
const runs = (commandFor: (chore: Chore) => string): ModelServer =>
  scriptedModel((prompt) => {
    if (toolResults(prompt).length > 0) return 'Done.';
    const chore = chores.find(({ data }) => prompt.includes(data.ask));
    return callText('terminal', { command: commandFor(chore!) });
  });

/** What the first eight chores, one of each kind, earn by such commands. */
async function rewards(commandFor: (chore: Chore) => string): Promise<readonly number[]> {
  const played = await play(environment, runs(commandFor), { tasks: 8 });
  return played.map(({ rollouts }) => rewardOf(rollouts[0]!));
}

test('there are eight kinds of chores, and the same seed draws the same ones', async () => {
  const kinds = new Set(
    chores.map(({ data }) => data.command.replaceAll(/\^[A-Z]+|\w+ \{|\/\w+\//g, '')),
  );
  expect(kinds.size).toBeGreaterThanOrEqual(8);
  expect(await environment.tasks.get('9')).toEqual(chores[9]);
  expect(chores[1]!.data.files).not.toEqual(chores[9]!.data.files);
});

test('what does the chore earns 1, and nothing at all earns 0', async () => {
  expect(await rewards(({ data }) => data.command)).toEqual(Array(8).fill(1));
  expect(await rewards(() => 'true')).toEqual(Array(8).fill(0));
});

test('the command that is right and its files are nowhere in the box', async () => {
  const [played] = await play(
    environment,
    runs(() => 'find / -newer /proc/1 -type f -path "*copy*" 2>/dev/null; ls /tmp'),
    { tasks: 1 },
  );
  const told = played!.rollouts[0]!.result.messages.find(({ role }) => role === 'tool');
  expect(JSON.stringify(told)).toContain('\\"output\\":\\"\\"');
});

test('each right file of several earns its share; one that is nearly right earns nothing', async () => {
  const partly = await rewards(({ data }) =>
    data.command
      .replace('INFO WARN ERROR', 'INFO WARN')
      .replace('in notes/*', 'in notes/anna.txt')
      .replace('> answer.txt', '| sed s/^/about/ > answer.txt'),
  );
  expect(partly[0]).toBe(0);
  expect(partly[4]).toBeCloseTo(2 / 3);
  expect(partly[6]).toBeCloseTo(1 / 7);
});

test('a box that was filled and locked is the agent’s own doing, and a score', async () => {
  const spoilt = await rewards(
    () => 'mkfifo answer.txt; rm notes/*; chmod 0 . notes; touch "/tmp/a b"',
  );
  expect(spoilt).toEqual(Array(8).fill(0));
});
