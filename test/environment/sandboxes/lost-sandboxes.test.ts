import { expect, test } from 'vitest';
import type { EnvironmentDefinition } from '../../../src/environment/index.ts';
import { createSandboxPool, type RolloutSandbox } from '../../../src/sandbox/index.ts';
import { tool } from '../../../src/tools/index.ts';
import { bubblewrapPool } from './bubblewrap-pool.ts';
import { type PlayTerminalOptions, playTerminal, run } from './play-terminal.ts';

const { backend, pool } = bubblewrapPool();

const play = (script: string, options?: PlayTerminalOptions) => playTerminal(pool, script, options);

async function end(id: string): Promise<void> {
  const found = await backend.list({}, new AbortController().signal);
  await found.find((box) => box.id === id)?.terminate();
}

const quiet = async (asked: Promise<unknown>) => void (await asked.catch(() => {}));
const GONE = {
  kind: 'not_scored',
  failure: { kind: 'infrastructure_error', reason: 'SANDBOX_GONE' },
};
interface Hooked {
  readonly sandbox: RolloutSandbox;
  readonly openSandbox: () => Promise<RolloutSandbox>;
}

test('a tool that keeps a lost sandbox to itself ends the rollout at once, without a score', async () => {
  let [calls, rewarded] = [0, false];
  const hushed = tool({
    name: 'run',
    description: 'Says that all is well.',
    parameters: run.definition.parameters,
    execute: async (_, { sandbox }) => {
      calls += 1;
      await end(sandbox.id);
      await quiet(sandbox.exec('true'));
      return 'all is well';
    },
  });
  const rollout = await play('true', {
    part: {
      tools: [hushed],
      reward: () => {
        rewarded = true;
        return 1;
      },
    },
  });
  expect(rollout.outcome).toMatchObject(GONE);
  expect(rollout.result).toMatchObject({ stopReason: 'infrastructure_error' });
  expect(rollout.result.turns).toHaveLength(1);
  expect([calls, rewarded]).toEqual([1, false]);
  expect(pool.stats().leased).toBe(0);
});

test.each<[string, Partial<EnvironmentDefinition>]>([
  [
    'a setup that keeps it to itself',
    {
      setup: async (_, { sandbox }) => {
        await end(sandbox.id);
        await quiet(sandbox.readText('x'));
      },
    },
  ],
  [
    'a reward that keeps it to itself',
    {
      reward: async ({ sandbox }: Hooked) => {
        await end(sandbox.id);
        await quiet(sandbox.writeFile('x', 'y'));
        return 1;
      },
    },
  ],
  [
    'a reward that stumbles over it',
    {
      reward: async ({ sandbox }: Hooked) => {
        await end(sandbox.id);
        await quiet(sandbox.exec('true'));
        throw new TypeError('no output');
      },
    },
  ],
  [
    'a reward whose fresh sandbox is lost',
    {
      reward: async ({ openSandbox }: Hooked) => {
        const fresh = await openSandbox();
        await end(fresh.id);
        await quiet(fresh.exec('true'));
        return 0;
      },
    },
  ],
  [
    'a program in the background that nobody asked after',
    {
      reward: async ({ sandbox }: Hooked) => {
        const { id } = await sandbox.processes.start('sleep 60');
        await end(sandbox.id);
        await quiet(sandbox.processes.get(id)?.wait({ timeoutMs: 5_000 }) ?? Promise.resolve());
        return 1;
      },
    },
  ],
])('a lost sandbox is no score: %s', async (_, part) => {
  const rollout = await play('true', { part });
  expect(rollout.outcome).toMatchObject(GONE);
  expect(pool.stats().leased).toBe(0);
});

test('a lease that is taken back is no score either', async () => {
  const brief = createSandboxPool({ backend, maxTotal: 1 });
  const rollout = await play('true', {
    sandboxes: brief,
    part: {
      reward: async ({ sandbox }: Hooked) => {
        const asked = quiet(sandbox.exec('sleep 20'));
        await brief.drain({ graceMs: 0 });
        await asked;
        return 1;
      },
    },
  });
  expect(rollout.outcome).toMatchObject(GONE);
});

test('a command that fails, and a file that is not there, are the agent’s own', async () => {
  const rollout = await play('exit 3', {
    part: {
      reward: async ({ sandbox }: Hooked) => {
        await quiet(sandbox.readText('answer'));
        return 0.5;
      },
    },
  });
  expect(rollout.outcome).toMatchObject({ kind: 'scored', reward: 0.5 });
});
