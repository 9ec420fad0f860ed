import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createBubblewrapBackend, type RolloutSandbox } from '../../../src/sandbox/index.ts';
import { terminalTool } from '../../../src/tools/index.ts';
import { bubblewrapPool } from './bubblewrap-pool.ts';
import { playTerminal, run } from './play-terminal.ts';

const { backend, pool } = bubblewrapPool();

const ENDED = {
  kind: 'not_scored',
  failure: { kind: 'model_error', reason: 'SANDBOX_ENDED_BY_TENANT' },
};

test.each(['run', 'terminal'])(
  'a box that `%s` ended is the model’s doing, and no score',
  async (name) => {
    const script = 'kill -9 -1; sleep 20';
    const args = name === 'run' ? { script } : { command: script };
    let rewarded = false;
    const rollout = await playTerminal(pool, '', {
      call: { name, args },
      part: {
        tools: [run, terminalTool()],
        reward: () => {
          rewarded = true;
          return 1;
        },
      },
    });
    expect(rollout.outcome).toMatchObject(ENDED);
    expect(rollout.result.stopReason).toBe('model_error');
    expect(rewarded).toBe(false);
  },
);

test('it is worth what the environment says, in the run and at scoring, and a host’s loss is not', async () => {
  const failedRollouts = { endedSandboxReward: -0.5 };
  const script = 'kill -9 -1; sleep 20';
  const atPlay = await playTerminal(pool, script, { part: { failedRollouts } });
  expect(atPlay.outcome).toMatchObject({ kind: 'scored', reward: -0.5 });
  const atScoring = await playTerminal(pool, 'true', {
    part: {
      failedRollouts,
      reward: async ({ sandbox }: { sandbox: RolloutSandbox }) => {
        await sandbox.exec(script);
        return 1;
      },
    },
  });
  expect(atScoring.outcome).toMatchObject({ kind: 'scored', reward: -0.5 });
  const hosts = await playTerminal(pool, 'true', {
    part: {
      failedRollouts,
      reward: async ({ sandbox }: { sandbox: RolloutSandbox }) => {
        const found = await backend.list({}, new AbortController().signal);
        await found.find(({ id }) => id === sandbox.id)?.terminate();
        await sandbox.exec('true');
        return 1;
      },
    },
  });
  expect(hosts.outcome).toMatchObject({ kind: 'not_scored', failure: { reason: 'SANDBOX_GONE' } });
});

test('a setup that ended its own box is the environment’s doing', async () => {
  const rollout = await playTerminal(pool, 'true', {
    part: { setup: async (_, { sandbox }) => void (await sandbox.exec('kill -9 -1; sleep 20')) },
  });
  expect(rollout.outcome).toMatchObject({
    failure: { kind: 'environment_error', reason: 'SANDBOX_ENDED_BY_TENANT' },
  });
});

test('a box whose bwrap the host killed is the host’s matter too', async () => {
  await using own = createBubblewrapBackend();
  const before = bwrapsOfOurs();
  const box = await own.create({}, { signal: new AbortController().signal });
  const made = bwrapsOfOurs().filter((pid) => !before.includes(pid));
  // The pool may make a spare one meanwhile, which goes the same way.
  expect(made).not.toHaveLength(0);
  const underWay = box.exec({ argv: ['sleep', '20'] });
  const refused = expect(underWay).rejects.toMatchObject({
    reason: 'SANDBOX_GONE',
    message: expect.stringContaining('the host ended it'),
    metadata: {},
  });
  // Once it has begun.
  await sleep(300);
  for (const pid of made) process.kill(pid, 'SIGKILL');
  await refused;
});

/** Our own children of that name. */
function bwrapsOfOurs(): readonly number[] {
  const found = spawnSync('pgrep', ['-P', String(process.pid), '-x', 'bwrap'], {
    encoding: 'utf8',
  });
  return found.stdout.split('\n').filter(Boolean).map(Number);
}

test('a box that its own end finds is the host’s matter: terminated, or past its lifetime', async () => {
  const signal = new AbortController().signal;
  const terminated = await backend.create({}, { signal });
  await terminated.terminate();
  const old = await backend.create({}, { signal, lifetimeMs: 50 });
  const underWay = old.exec({ argv: ['sleep', '20'] });
  await expect(underWay).rejects.toMatchObject({ reason: 'SANDBOX_GONE', metadata: {} });
  for (const box of [terminated, old]) {
    const error = await box.exec({ argv: ['true'] }).catch((thrown: Error) => thrown);
    expect(error).toMatchObject({ reason: 'SANDBOX_GONE' });
    expect(error).not.toHaveProperty('metadata.endedBy');
  }
});
