import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  createDockerBackend,
  outputText,
  type Sandbox,
  type SandboxBackend,
} from '../../../../src/sandbox/index.ts';
import { IMAGE, noPodman, PodmanService } from '../../../support/docker/podman.ts';

const never = new AbortController().signal;

test('a daemon that is not there is said so, with what to do', async () => {
  await using backend = createDockerBackend({ connection: { socketPath: '/nowhere/docker.sock' } });
  await expect(backend.create({}, { signal: never })).rejects.toMatchObject({
    kind: 'infrastructure_error',
    reason: 'DOCKER_UNREACHABLE',
  });
  const probe = await backend.probe({ signal: never });
  expect(probe).toMatchObject({ works: false });
  expect(probe.remedy).toContain('DOCKER_HOST');
});

test('what it can not give is refused by its field', async () => {
  await using backend = createDockerBackend();
  for (const [spec, field] of [
    [{ network: { allow: ['example.org'] } }, 'sandbox.network'],
    [{ workdir: '/tmp' }, 'sandbox.workdir'],
    [{ providerOptions: { odd: 1 } }, 'sandbox.providerOptions.odd'],
  ] as const) {
    const made = backend.create(spec, { signal: never });
    await expect(made).rejects.toMatchObject({ kind: 'invalid_input', field });
  }
});

describe.skipIf(noPodman !== undefined)('containers of Podman', { timeout: 60_000 }, () => {
  let podman: PodmanService;
  let backend: SandboxBackend;
  let box: Sandbox;
  const open = (): SandboxBackend =>
    createDockerBackend({
      connection: { socketPath: podman.socketPath },
      image: IMAGE,
      ulimits: { nofile: 1_024, nproc: 32_768 },
      defaults: { diskMiB: 8, pids: 32, memoryMiB: 64 },
    });
  beforeAll(async () => {
    podman = await PodmanService.start();
    backend = open();
    box = await backend.create({}, { signal: never });
  }, 60_000);
  afterAll(async () => {
    await backend?.[Symbol.asyncDispose]();
    await podman?.[Symbol.asyncDispose]();
  }, 60_000);
  const sh = async (script: string, sandbox = box) => {
    const result = await sandbox.exec({ argv: ['sh', '-c', script] }, { timeoutMs: 20_000 });
    return outputText(result.stdout);
  };

  test('they have no rights, no way to any, no network, and limits', async () => {
    const status = await sh('cat /proc/self/status');
    expect(status).toMatch(/CapEff:\s*0000000000000000/);
    expect(status).toMatch(/NoNewPrivs:\s*1/);
    expect((await sh('ls /sys/class/net')).trim()).toBe('lo');
    expect((await sh('cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max')).trim()).toBe(
      '32',
    );
    expect((await sh('df -k /workspace | tail -1')).split(/\s+/)[1]).toBe('8192');
  });

  test('an image that the daemon has not got is named, with how to get it', async () => {
    const made = backend.create({ image: 'localhost/none:1' }, { signal: never });
    await expect(made).rejects.toMatchObject({
      reason: 'SANDBOX_IMAGE',
      remedy: 'Run `docker pull localhost/none:1`.',
    });
  });

  test('a container that somebody else ends is gone, and no exit code', async () => {
    const other = await backend.create({}, { signal: never });
    const underWay = other.exec({ argv: ['sleep', '30'] });
    underWay.catch(() => {});
    await pause(300);
    podman.podman('kill', other.id);
    await expect(underWay).rejects.toMatchObject({ reason: 'SANDBOX_GONE' });
    expect(await other.status()).toBe('gone');
  });

  test('a container ends by its own clock, whoever is left', async () => {
    const other = await backend.create({}, { signal: never, lifetimeMs: 1_000 });
    await expect.poll(() => other.status(), { timeout: 20_000, interval: 200 }).toBe('gone');
  });

  test('those that another process left behind are found by their tags and ended', async () => {
    const left = await backend.create({}, { signal: never, tags: { owner: 'gone "run"' } });
    await using janitor = open();
    const found = await janitor.list({ owner: 'gone "run"' }, never);
    expect(found.map(({ id, tags }) => [id, tags])).toEqual([[left.id, { owner: 'gone "run"' }]]);
    await found[0]?.terminate();
    expect(await janitor.list({ owner: 'gone "run"' }, never)).toEqual([]);
    await expect(left.exec({ argv: ['true'] })).rejects.toMatchObject({ reason: 'SANDBOX_GONE' });
  });
});
