import { expect, test } from 'vitest';
import { openRolloutSandbox, type Sandbox } from '../../../src/sandbox/index.ts';
import { PoolLease } from '../../../src/sandbox/pool/pool-lease.ts';
import { watchLease } from '../../../src/sandbox/rollout/watch-lease.ts';
import { openHostSandbox } from '../support/host-sandbox.ts';

function leaseOf(sandbox: Sandbox): PoolLease {
  return new PoolLease({
    sandbox,
    owner: 'test',
    earlierUses: 0,
    giveBack: () => sandbox.terminate(),
  });
}

test.each([
  ['a lease', (lease: PoolLease) => lease],
  ['a watched lease', (lease: PoolLease) => watchLease(lease, () => {})],
])('of %s: what runs in the background, and the rest by a backend that can', async (_, see) => {
  const sandbox = await openHostSandbox();
  let asked = 0;
  const endCommands = async () => {
    asked += 1;
  };
  const lease = leaseOf(Object.assign(sandbox, { endCommands }));
  await using own = openRolloutSandbox(see(lease));
  const one = await own.processes.start('sleep 4323');
  await own.endProcesses();
  expect(one.exitCode).toBe(137);
  expect(asked).toBe(1);
  expect((await own.shell.run('true')).exitCode).toBe(0);
  await lease.release();
  await expect(own.endProcesses()).rejects.toMatchObject({ reason: 'LEASE_RELEASED' });
  expect(asked).toBe(1);
});

test('of a backend that can not: what runs in the background', async () => {
  const lease = leaseOf(await openHostSandbox());
  expect(watchLease(lease, () => {}).endCommands).toBeUndefined();
  await using own = openRolloutSandbox(lease);
  const one = await own.processes.start('sleep 4324');
  await own.endProcesses();
  expect(one.exitCode).toBe(137);
  await lease.release();
});
