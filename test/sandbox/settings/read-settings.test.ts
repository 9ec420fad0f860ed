import { expect, test } from 'vitest';
import { sshOptions } from '../../../src/sandbox/backends/ssh/settings.ts';
import {
  BACKEND_NAMES,
  readSandboxSettings,
  type SandboxSettings,
} from '../../../src/sandbox/index.ts';

const read = (
  options: Readonly<Record<string, string | boolean>> = {},
  environment: Readonly<Record<string, string>> = {},
  platform = 'linux',
): SandboxSettings => readSandboxSettings({ options, environment, platform });

test('the system decides where nobody else does', () => {
  expect(read()).toMatchObject({ backend: 'bubblewrap', chosenBy: 'default', pool: {}, spec: {} });
  expect(read({}, { TERMINAL_ENV: 'just-bash' }).backend).toBe('just-bash');
  expect(read({}, {}, 'darwin').backend).toBe('just-bash');
  expect(read().minimumIsolation).toBeUndefined();
});

test('every option has its place', () => {
  const settings = read({
    ...{ sandbox: 'modal', 'sandbox-max': '8', 'sandbox-min-idle': '2', 'sandbox-image': 'i:1' },
    ...{ 'sandbox-network': 'a.org,b.org', 'sandbox-cpus': '0.5', 'sandbox-memory': '512' },
    ...{ 'sandbox-disk': '64', 'sandbox-pids': '32' },
    ...{ 'isolation-minimum': 'strong', 'allow-unsandboxed': true },
  });
  expect(settings).toMatchObject({
    ...{ backend: 'modal', chosenBy: '--sandbox', minIdle: 2, pool: { maxTotal: 8 } },
    ...{ minimumIsolation: 'strong', allowUnsandboxed: true },
    spec: {
      image: 'i:1',
      network: { allow: ['a.org', 'b.org'] },
      resources: { cpus: 0.5, memoryMiB: 512, diskMiB: 64, pids: 32 },
    },
  });
  expect(read({ 'sandbox-network': 'open' }).spec.network).toBe('open');
});

test('all backends and none can be chosen', () => {
  for (const name of [...BACKEND_NAMES, 'none']) {
    expect(read({ sandbox: name }).backend).toBe(name);
  }
});

test("the seed's variables are read, and ours beat them", () => {
  const seed = {
    ...{ TERMINAL_ENV: 'modal', TERMINAL_MODAL_MODE: 'pool', TERMINAL_MODAL_POOL_SIZE: '3' },
    ...{ TERMINAL_TIMEOUT: '7', TERMINAL_LIFETIME_SECONDS: '30', TERMINAL_CWD: '/root/x' },
    ...{ TERMINAL_MODAL_IMAGE: 'seed:1', TERMINAL_DOCKER_IMAGE: 'other:1' },
    ...{ TERMINAL_CONTAINER_CPU: '1.5', TERMINAL_CONTAINER_MEMORY: '5120' },
  };
  const before = structuredClone(seed);
  expect(read({}, seed)).toMatchObject({
    ...{ backend: 'modal', chosenBy: 'TERMINAL_ENV', commandTimeoutMs: 7_000 },
    ...{ pool: { maxTotal: 3, idleMs: 30_000 }, wishes: { cpus: 1.5, memoryMiB: 5_120 } },
    spec: { image: 'seed:1', workdir: '/root/x' },
  });
  expect(read({}, { ...seed, TERMINAL_MODAL_POOL_MAX: '9' }).pool.maxTotal).toBe(9);
  const ours = read({ 'sandbox-max': '5', 'sandbox-image': 'ours:1' }, seed);
  expect(ours).toMatchObject({
    backend: 'modal',
    pool: { maxTotal: 5 },
    spec: { image: 'ours:1' },
  });
  expect(read({ sandbox: 'bubblewrap' }, seed)).toMatchObject({
    ...{ backend: 'bubblewrap', pool: { idleMs: 30_000 }, spec: {}, wishes: {} },
  });
  expect(seed).toEqual(before);
});

test('outside of its pool the seed gives each task a sandbox of its own', () => {
  const settings = read({}, { TERMINAL_ENV: 'modal', TERMINAL_MODAL_MODE: 'default' });
  expect(settings.pool).toEqual({ maxUses: 1 });
  const pool = read({}, { TERMINAL_ENV: 'modal', TERMINAL_MODAL_MODE: 'pool' });
  expect(pool.pool).toEqual({ maxTotal: 4 });
});

test("the seed's `local` is the system's own default, never the bare host", () => {
  expect(read({}, { TERMINAL_ENV: 'local' }).backend).toBe('bubblewrap');
  expect(read({}, { TERMINAL_ENV: '' }).chosenBy).toBe('default');
});

test("a folder of the seed's host is no folder of a container", () => {
  const of = (TERMINAL_CWD: string) => read({}, { TERMINAL_ENV: 'docker', TERMINAL_CWD }).spec;
  expect(of('/workspace').workdir).toBe('/workspace');
  for (const folder of ['.', '~/x', '/home/me', '/Users/me']) expect(of(folder)).toEqual({});
});

test.each([
  ['sandbox', 'chroot', '--sandbox'],
  ['sandbox-max', '0', '--sandbox-max'],
  ['sandbox-max', '2.5', '--sandbox-max'],
  ['sandbox-min-idle', '-1', '--sandbox-min-idle'],
  ['sandbox-network', 'maybe', '--sandbox-network'],
  ['sandbox-image', '', '--sandbox-image'],
  ['sandbox-cpus', '0', '--sandbox-cpus'],
  ['sandbox-memory', 'much', '--sandbox-memory'],
  ['isolation-minimum', 'high', '--isolation-minimum'],
])('--%s %s is refused by its name', (name, value, field) => {
  expect(() => read({ [name]: value })).toThrow(expect.objectContaining({ field }));
});

test.each([
  ['TERMINAL_ENV', 'singularity'],
  ['TERMINAL_MODAL_MODE', 'pools'],
  ['TERMINAL_MODAL_POOL_MAX', '0'],
  ['TERMINAL_MODAL_POOL_SIZE', 'four'],
  ['TERMINAL_TIMEOUT', '-1'],
  ['TERMINAL_LIFETIME_SECONDS', 'NaN'],
  ['TERMINAL_CONTAINER_CPU', '0'],
  ['TERMINAL_CONTAINER_MEMORY', '1.5'],
  ['TERMINAL_CONTAINER_DISK', ' '],
])('%s=%s is refused by its name', (field, value) => {
  const environment = { TERMINAL_ENV: 'modal', TERMINAL_MODAL_MODE: 'pool', [field]: value };
  expect(() => read({}, environment)).toThrow(expect.objectContaining({ field }));
  // Also where nothing is made of it.
  expect(() => read({}, { [field]: value })).toThrow(expect.objectContaining({ field }));
});

test('more warm ones than there may be are refused', () => {
  expect(() => read({ 'sandbox-max': '2', 'sandbox-min-idle': '3' })).toThrow(/min-idle: is 3/);
});

test("the seed's SSH host is read, and ours beats it", () => {
  const seed = {
    ...{ TERMINAL_ENV: 'ssh', TERMINAL_SSH_HOST: 'far', TERMINAL_SSH_USER: 'them' },
    ...{ TERMINAL_SSH_PORT: '2222', TERMINAL_SSH_KEY: '~/.ssh/seed', SSH_AUTH_SOCK: '/run/agent' },
  };
  const before = structuredClone(seed);
  const { backend, chosenBy, ssh } = read({}, seed);
  expect([backend, chosenBy]).toEqual(['ssh', 'TERMINAL_ENV']);
  expect(sshOptions(ssh)).toEqual({
    ...{ host: 'far', user: 'them', port: 2_222, keyFile: '~/.ssh/seed', agent: '/run/agent' },
  });
  const print = `SHA256:${'a'.repeat(43)}`;
  const ours = read(
    { ...{ 'ssh-host': 'near', 'ssh-port': '22', 'ssh-fingerprint': print }, 'ssh-sessions': '4' },
    seed,
  );
  expect(sshOptions(ours.ssh)).toMatchObject({
    ...{ host: 'near', user: 'them', port: 22, fingerprint: print, sessionsPerConnection: 4 },
  });
  expect(seed).toEqual(before);
  const none = read({ sandbox: 'ssh' });
  expect(() => sshOptions(none.ssh)).toThrow(/TERMINAL_SSH_HOST/);
});

test.each([
  [{ 'ssh-host': 'a b' }, {}, '--ssh-host'],
  [{}, { TERMINAL_SSH_HOST: '-oProxyCommand=x' }, 'TERMINAL_SSH_HOST'],
  [{ 'ssh-host': 'h', 'ssh-port': '70000' }, {}, '--ssh-port'],
  [{ 'ssh-host': 'h' }, { TERMINAL_SSH_PORT: 'two' }, 'TERMINAL_SSH_PORT'],
  [{ 'ssh-host': 'h' }, { TERMINAL_SSH_USER: 'a@b' }, 'TERMINAL_SSH_USER'],
  [{ 'ssh-host': 'h', 'ssh-fingerprint': 'MD5:00' }, {}, '--ssh-fingerprint'],
  [{ 'ssh-host': 'h', 'ssh-folder': 'tmp' }, {}, '--ssh-folder'],
  [{ 'ssh-host': 'h', 'ssh-sessions': '0' }, {}, '--ssh-sessions'],
])('of an SSH host, %j with %j is refused by its name', (options, environment, field) => {
  const wanted = expect.objectContaining({ kind: 'invalid_input', field });
  expect(() => read({ sandbox: 'ssh', ...options }, environment)).toThrow(wanted);
  // What another backend does not need is not looked at.
  expect(read({ sandbox: 'bubblewrap', ...options }, environment).backend).toBe('bubblewrap');
});
