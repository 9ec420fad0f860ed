import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { sweepAtStart } from '../../../src/sandbox/hosting/sweep-at-start.ts';
import { createSandboxPool, sweepSandboxes } from '../../../src/sandbox/index.ts';
import {
  DEADLINE_TAG,
  OWNER_TAG,
  ownerState,
  ownerTags,
  ownOwner,
  POOL_TAG,
} from '../../../src/sandbox/pool/owner-tags.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { FakeBackend, type FakeOutcome } from '../support/fake-backend.ts';

const never = new AbortController().signal;
/** The owner that a process of this machine was which has ended. */
function deadOwner(): string {
  const { pid } = spawnSync('true');
  return `${ownOwner().split('.')[0]}.${pid}.1`;
}

async function backendWith(
  tagsOfEach: readonly Readonly<Record<string, string>>[],
  outcome: (id: string) => FakeOutcome = () => 'ok',
) {
  const backend = new FakeBackend({
    clock: manualClock(),
    outcome: (step, id) => (step === 'terminate' ? outcome(id) : 'ok'),
    capabilities: { outlivesOwner: true },
  });
  for (const tags of tagsOfEach) await backend.create({}, { signal: never, tags });
  return backend;
}

describe('whose a sandbox is', () => {
  const [place = '', pid = '', ticks = ''] = ownOwner().split('.');

  test('a process that runs is alive', () => {
    expect(ownerState(ownOwner())).toBe('alive');
  });

  test('a process that has ended is dead, and so is one whose number another has now', () => {
    expect(ownerState(deadOwner())).toBe('dead');
    expect(ownerState(`${place}.${pid}.${Number(ticks) + 1}`)).toBe('dead');
  });

  test.each([
    ['of another machine', `0123456789abcdef.${pid}.${ticks}`],
    ['without a number', `${place}..${ticks}`],
    ['of process 0, which is every process', `${place}.0.0`],
    ['with a negative number', `${place}.-1.0`],
    ['with a number that no process has', `${place}.99999999999.1`],
    ['without a start', `${place}.${pid}.`],
    ['empty', ''],
  ])('an owner %s is not known', (_, owner) => {
    expect(ownerState(owner)).toBe('unknown');
  });

  test('its tags tell until when it can be in use, where it has an end', () => {
    expect(ownerTags(1_500, 1_000)[DEADLINE_TAG]).toBe('2500');
    expect(ownerTags(Infinity)).not.toHaveProperty(DEADLINE_TAG);
    expect(ownerTags(1)).toMatchObject({ [POOL_TAG]: '1', [OWNER_TAG]: ownOwner() });
  });
});

describe('the janitor', () => {
  const dead = { [POOL_TAG]: '1', [OWNER_TAG]: deadOwner() };
  const far = { [POOL_TAG]: '1', [OWNER_TAG]: 'elsewhere.7.7' };

  test('ends what dead processes left, and leaves alone what live pools and others have', async () => {
    const own = { ...ownerTags(1, 0) };
    const backend = await backendWith([dead, own, { [OWNER_TAG]: dead[OWNER_TAG] }, far]);
    const report = await sweepSandboxes({ backend, signal: never });
    expect(report).toEqual({
      ...{ found: 3, ended: [{ id: 'fake-1', why: 'owner_dead' }], failed: [] },
    });
    expect([...backend.alive.keys()]).toEqual(['fake-2', 'fake-3', 'fake-4']);
  });

  test('ends another machine’s when its deadline is past, and not before', async () => {
    const backend = await backendWith([
      { ...far, [DEADLINE_TAG]: '1000' },
      { ...far, [DEADLINE_TAG]: '3000' },
      { ...far, [DEADLINE_TAG]: 'soon' },
      { [POOL_TAG]: '1', [DEADLINE_TAG]: '1000' },
    ]);
    const { ended } = await sweepSandboxes({ backend, signal: never, nowMs: 2_000 });
    expect(ended).toEqual([
      { id: 'fake-1', why: 'past_deadline' },
      { id: 'fake-4', why: 'past_deadline' },
    ]);
  });

  test('says which could not be ended and ends the others', async () => {
    const backend = await backendWith([dead, dead], (id) => (id === 'fake-1' ? 'fails' : 'ok'));
    const { ended, failed } = await sweepSandboxes({ backend, signal: never, concurrency: 1 });
    expect(ended).toEqual([{ id: 'fake-2', why: 'owner_dead' }]);
    expect(failed).toEqual([{ id: 'fake-1', error: 'terminate of fake-1 failed' }]);
  });

  test('looks at those only that bear the tags it is told', async () => {
    const backend = await backendWith([dead, { ...dead, team: 'a' }]);
    const { found } = await sweepSandboxes({ backend, signal: never, tags: { team: 'a' } });
    expect(found).toBe(1);
    expect([...backend.alive.keys()]).toEqual(['fake-1']);
  });

  test('does not wait for a provider longer than its signal', async () => {
    const backend = await backendWith([dead], () => 'hangs');
    const controller = new AbortController();
    const sweeping = sweepSandboxes({ backend, signal: controller.signal });
    setTimeout(() => controller.abort(new Error('enough')), 10);
    expect((await sweeping).failed).toEqual([{ id: 'fake-1', error: 'enough' }]);
  });

  test('leaves the sandboxes of a pool that runs to it', async () => {
    const backend = await backendWith([]);
    await using pool = createSandboxPool({ backend });
    await using lease = await pool.acquire({}, { owner: 'test' });
    const report = await sweepSandboxes({ backend, signal: never });
    expect(report).toEqual({ found: 1, ended: [], failed: [] });
    expect(backend.alive.has(lease.id)).toBe(true);
  });

  test('is run when a host opens its sandboxes, which says what it did', async () => {
    const warnings: string[] = [];
    const options = { signal: never, warn: (text: string) => void warnings.push(text) };
    const backend = await backendWith([dead, dead], (id) => (id === 'fake-1' ? 'fails' : 'ok'));
    await sweepAtStart(backend, options);
    expect(warnings.join('')).toMatch(/^1 sandboxes .* ended\.\nSandbox fake-1, .*failed\n$/);
    warnings.length = 0;
    backend.list = async () => {
      throw new Error('the provider is down');
    };
    await sweepAtStart(backend, options);
    expect(warnings.join('')).toMatch(/the provider is down/);
  });
});
