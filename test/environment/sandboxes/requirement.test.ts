import { expect, test } from 'vitest';
import {
  defineEnvironment,
  type EnvironmentDefinition,
  hostEnvironment,
} from '../../../src/environment/index.ts';
import { bubblewrapPool } from './bubblewrap-pool.ts';
import { playTerminal } from './play-terminal.ts';

const { pool } = bubblewrapPool();

const SLIPS: readonly (readonly [sandbox: unknown, path: string])[] = [
  [{ minimumIsolation: 'none' }, '.minimumIsolation'],
  [{ minimumIsolation: 5 }, '.minimumIsolation'],
  [{ minimumIsolation: 'Strong' }, '.minimumIsolation'],
  [{ imgae: 'x' }, '.imgae'],
  [{ readOnlyPaths: 5 }, '.readOnlyPaths'],
  [{ image: 5 }, '.image'],
  [{ env: [] }, '.env'],
  [{ env: { A: 5 } }, '.env.A'],
  [{ writable: '/tests' }, '.writable'],
  [{ network: { allow: [5] } }, '.network'],
  [{ providerOptions: [] }, '.providerOptions'],
  [{ workdir: 'here' }, '.workdir'],
  [{ workdir: '/a/../..' }, '.workdir'],
  [{ workdir: '/a/./b' }, '.workdir'],
  [{ resources: 5 }, '.resources'],
  [{ resources: { memory: 5 } }, '.resources.memory'],
  [{ resources: { pids: 1.5 } }, '.resources.pids'],
  [{ resources: { pids: 1 } }, '.resources.pids'],
  [{ resources: { memoryMiB: 0.5 } }, '.resources.memoryMiB'],
  [{ resources: { memoryMiB: '512' } }, '.resources.memoryMiB'],
  [{ resources: { diskMiB: 0 } }, '.resources.diskMiB'],
  [{ resources: { cpus: Number.NaN } }, '.resources.cpus'],
  [[], ''],
  [5, ''],
  [null, ''],
];

function definitionOf(sandbox: unknown): EnvironmentDefinition {
  const definition = { name: 'slip', tasks: [{ data: 1 }], prompt: () => 'x', reward: () => 0 };
  return { ...definition, sandbox } as EnvironmentDefinition;
}

test.each(SLIPS)('a definition with %j is refused when it is loaded', async (sandbox, path) => {
  const refused = { kind: 'invalid_input', field: `environment \`slip\`.sandbox${path}` };
  const definition = definitionOf(sandbox);
  expect(() => defineEnvironment(definition)).toThrow(expect.objectContaining(refused));
  // One that nobody gave to `defineEnvironment`.
  await expect(hostEnvironment(definition)).rejects.toMatchObject(refused);
});

test('what a host can do is let pass: no field and every field', () => {
  const most = {
    ...{
      minimumIsolation: 'strong',
      image: 'x',
      workdir: '/a/..b',
      writable: ['/tests'],
      env: { A: '' },
    },
    ...{ resources: { cpus: 0.5, memoryMiB: 64.5, diskMiB: 1, pids: 8 }, network: { allow: [] } },
    providerOptions: { gpu: 1 },
  };
  for (const sandbox of [{}, undefined, most, () => 5]) {
    expect(() => defineEnvironment(definitionOf(sandbox))).not.toThrow();
  }
});

test.each(SLIPS)('a function that gives %j is the environment’s mistake', async (sandbox, path) => {
  const rollout = await playTerminal(pool, 'true', {
    part: { sandbox: (() => sandbox) as unknown as NonNullable<EnvironmentDefinition['sandbox']> },
  });
  expect(rollout.result.stopReason).toBe('environment_error');
  expect(rollout.outcome).toMatchObject({
    kind: 'not_scored',
    failure: {
      kind: 'environment_error',
      message: expect.stringContaining(`sandbox${path}: `),
    },
  });
  expect(pool.stats().leased).toBe(0);
});
