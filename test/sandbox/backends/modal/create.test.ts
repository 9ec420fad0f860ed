import { describe, expect, test } from 'vitest';
import { outputText, type SandboxSpec } from '../../../../src/sandbox/index.ts';
import { noBoxes } from '../../../support/boxes.ts';
import { useFakeModal } from '../../../support/modal/use-fake-modal.ts';

const never = new AbortController().signal;

describe.skipIf(noBoxes !== undefined)('making a sandbox on Modal', () => {
  const bench = useFakeModal();
  const asked = (id: string) => bench.fake.world.sandboxes.get(id)!;

  test('its times are whole seconds, rounded up, and its tags say whose it is and when it ends', async () => {
    const backend = bench.backend({ idleTimeoutMs: 90_500 });
    const before = Date.now();
    const sandbox = await backend.create(
      {},
      {
        tags: { 'lachesis-owner': 'run-7', 'lachesis-key': 'k1' },
        lifetimeMs: 100_100,
        signal: never,
      },
    );
    const { definition } = asked(sandbox.id).request;
    expect(definition).toMatchObject({ timeoutSecs: 101, idleTimeoutSecs: 91 });
    const tags = Object.fromEntries(asked(sandbox.id).tags);
    expect(tags).toMatchObject({ 'lachesis-owner': 'run-7', 'lachesis-key': 'k1' });
    const deadline = Number(tags['lachesis-deadline']);
    expect(deadline).toBeGreaterThanOrEqual(before + 101_000);
    expect(deadline).toBeLessThan(Date.now() + 102_000);
  });

  test('always with an end, and an idle one that is no later', async () => {
    const sandbox = await bench.sandbox();
    expect(asked(sandbox.id).request.definition).toMatchObject({
      timeoutSecs: 3_600,
      idleTimeoutSecs: 600,
    });
    const short = await bench.backend().create({}, { lifetimeMs: 30_000, signal: never });
    expect(asked(short.id).request.definition).toMatchObject({
      timeoutSecs: 30,
      idleTimeoutSecs: 30,
    });
  });

  test('its resources are hard limits', async () => {
    const sandbox = await bench.sandbox({ resources: { cpus: 1.5, memoryMiB: 512.5 } });
    expect(asked(sandbox.id).request.definition?.resources).toMatchObject({
      ...{ milliCpu: 1_500, milliCpuMax: 1_500, memoryMb: 513, memoryMbMax: 513 },
    });
  });

  test('without a word it reaches no network, with a list only what is on it', async () => {
    const none = await bench.sandbox();
    expect(asked(none.id).network).toEqual({ type: 2, cidrs: [], domains: [] });
    const open = await bench.sandbox({ network: 'open' });
    expect(asked(open.id).network).toEqual({ type: 1, cidrs: [], domains: [] });
    const some = await bench.sandbox({
      network: { allow: ['pypi.org', '*.example.com', '192.0.2.7', '2001:db8::/32'] },
    });
    expect(asked(some.id).network).toEqual({
      type: 3,
      cidrs: ['192.0.2.7/32', '2001:db8::/32'],
      domains: ['pypi.org', '*.example.com'],
    });
  });

  test('its network can be changed while it runs', async () => {
    const sandbox = await bench.sandbox({ network: 'open' });
    await sandbox.setNetwork?.('none');
    expect(asked(sandbox.id).network).toEqual({ type: 3, cidrs: [], domains: [] });
    await sandbox.setNetwork?.({ allow: ['pypi.org'] });
    expect(asked(sandbox.id).network).toEqual({ type: 3, cidrs: [], domains: ['pypi.org'] });
    await sandbox.setNetwork?.('open');
    expect(asked(sandbox.id).network).toEqual({ type: 3, cidrs: ['0.0.0.0/0'], domains: ['*'] });
  });

  test("a provider's own settings reach it", async () => {
    const providerOptions = { cloud: 'aws', region: 'us-east-1', runtime: 'gvisor' };
    const sandbox = await bench.sandbox({ providerOptions });
    expect(asked(sandbox.id).request.definition).toMatchObject({
      ...{ cloudProviderStr: 'aws', runtime: 'gvisor' },
      schedulerPlacement: { regions: ['us-east-1'] },
    });
  });

  test('what Modal can not give is refused by its field before anything is asked', async () => {
    const refused: readonly (readonly [SandboxSpec, string])[] = [
      [{ resources: { diskMiB: 100 } }, 'sandbox.resources.diskMiB'],
      [{ resources: { pids: 100 } }, 'sandbox.resources.pids'],
      [{ network: { allow: ['pypi.org', 'http://a.b/'] } }, 'sandbox.network.allow[1]'],
      [{ network: { allow: ['1.2.3.4/33'] } }, 'sandbox.network.allow[0]'],
      [{ providerOptions: { gpu: 'A100' } }, 'sandbox.providerOptions.gpu'],
      [{ providerOptions: { region: 7 } }, 'sandbox.providerOptions.region'],
      [{ providerOptions: { runtime: 'docker' } }, 'sandbox.providerOptions.runtime'],
      [{ image: '' }, 'sandbox.image'],
    ];
    const before = bench.fake.faults.calls.length;
    for (const [spec, field] of refused) {
      const made = bench.sandbox(spec);
      await expect(made).rejects.toMatchObject({ kind: 'invalid_input', field });
    }
    const tooLong = bench.backend().create({}, { lifetimeMs: 90_000_000, signal: never });
    await expect(tooLong).rejects.toMatchObject({ kind: 'invalid_input', field: 'lifetimeMs' });
    expect(bench.fake.faults.calls.length).toBe(before);
  });

  test('options that can not be meant are refused by name', () => {
    expect(() => bench.backend({ tokenId: 'ak-x' })).toThrow(/modal\.tokenSecret/);
    expect(() => bench.backend({ lifetimeMs: 0 })).toThrow(/modal\.lifetimeMs/);
    expect(() => bench.backend({ lifetimeMs: 100_000_000 })).toThrow(/24 hours/);
    expect(() => bench.backend({ watchMs: Number.NaN })).toThrow(/modal\.watchMs/);
  });

  test('an image is built once, whoever asks', async () => {
    const backend = bench.backend();
    const before = bench.fake.faults.count('ImageGetOrCreate');
    const make = () => backend.create({ image: 'debian:13' }, { signal: never });
    await Promise.all([make(), make(), make()]);
    expect(bench.fake.faults.count('ImageGetOrCreate') - before).toBe(1);
    expect(bench.fake.world.images.at(-1)).toContain('FROM debian:13');
  });

  test('an image that can not be built is refused by its field, and asked for again', async () => {
    const backend = bench.backend();
    for (let i = 0; i < 2; i++) {
      const made = backend.create({ image: 'no-such-image:1' }, { signal: never });
      await expect(made).rejects.toMatchObject({ kind: 'invalid_input', field: 'sandbox.image' });
    }
  });

  test('a snapshot keeps its files, and another sandbox begins with them', async () => {
    const backend = bench.backend({ snapshotTtlMs: 60_500 });
    const first = await backend.create({}, { signal: never });
    await first.exec({ argv: ['sh', '-c', 'echo kept > note'] });
    const image = await first.snapshot!();
    expect(bench.fake.world.snapshots.get(image)?.ttlSeconds).toBe(61);
    await first.terminate();
    const second = await backend.create({ image }, { signal: never });
    const { stdout } = await second.exec({ argv: ['cat', 'note'] });
    expect(outputText(stdout)).toBe('kept\n');
  });

  test('one that is made for nobody any more is ended', async () => {
    bench.fake.world.slowCreateMs = 300;
    try {
      const controller = new AbortController();
      const backend = bench.backend();
      const made = backend.create({}, { signal: controller.signal });
      setTimeout(() => controller.abort(new Error('enough')), 100);
      await expect(made).rejects.toThrow('enough');
      await expect.poll(() => bench.fake.faults.count('SandboxTerminateV2')).toBeGreaterThan(0);
      await expect.poll(() => bench.fake.running.length).toBe(0);
    } finally {
      bench.fake.world.slowCreateMs = 0;
    }
  });

  test('ending one takes until Modal says that it has ended', async () => {
    const sandbox = await bench.sandbox();
    bench.fake.world.slowEndMs = 400;
    try {
      await sandbox.terminate();
      expect(bench.fake.running).toEqual([]);
    } finally {
      bench.fake.world.slowEndMs = 0;
    }
  });
});
