import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  createSshBackend,
  outputText,
  type SandboxBackend,
  type SshBackendOptions,
} from '../../../../src/sandbox/index.ts';
import { newKey } from '../../../support/ssh/keys.ts';
import { sandboxProcesses } from '../../../support/ssh/sandbox-processes.ts';
import { SshHost } from '../../../support/ssh/ssh-host.ts';
import { type TcpProxy, tcpProxy } from '../../../support/tcp-proxy.ts';

const never = new AbortController().signal;

describe('what a host may do', { timeout: 30_000 }, () => {
  let host: SshHost;
  let backend: SandboxBackend;
  const others: SandboxBackend[] = [];
  const other = (options: Partial<SshBackendOptions>): SandboxBackend => {
    const made = createSshBackend({ ...host.options, ...options });
    others.push(made);
    return made;
  };
  beforeEach(async () => {
    host = await SshHost.start();
    backend = createSshBackend(host.options);
  });
  afterEach(async () => {
    expect(host.unexpected).toEqual([]);
    for (const each of others.splice(0)) await each[Symbol.asyncDispose]();
    await backend[Symbol.asyncDispose]();
    await host[Symbol.asyncDispose]();
  });
  const created = (each: SandboxBackend) => each.create({}, { signal: never });

  test('a connection that drops under a command is a fault, and the host cleans up by itself', async () => {
    const box = await created(backend);
    const underWay = box.exec({ argv: ['sleep', '30'] });
    underWay.catch(() => {});
    await pause(200);
    expect(sandboxProcesses(box.id).length).toBeGreaterThan(1);
    host.drop();
    const gone = { kind: 'infrastructure_error', reason: 'SANDBOX_GONE' };
    await expect(underWay).rejects.toMatchObject(gone);
    await expect(underWay).rejects.toThrow(/connection to worker@127\.0\.0\.1:\d+ was lost/);
    await expect(box.exec({ argv: ['true'] })).rejects.toMatchObject(gone);
    expect(await box.status()).toBe('gone');
    await expect.poll(() => sandboxProcesses(box.id), { timeout: 5_000 }).toEqual([]);
    await expect.poll(() => host.folders(), { timeout: 5_000 }).toEqual([]);
    await box.terminate();
    // Another one is made on another connection.
    expect((await (await created(backend)).exec({ argv: ['true'] })).exitCode).toBe(0);
  });

  test('a session that is closed without an end is a fault, and the sandbox goes on', async () => {
    const box = await created(backend);
    host.lostSessions = 1;
    await expect(box.exec({ argv: ['true'] })).rejects.toMatchObject({
      kind: 'infrastructure_error',
      reason: 'SANDBOX_FAULT',
    });
    expect((await box.exec({ argv: ['true'] })).exitCode).toBe(0);
  });

  test('a host that falls silent is noticed, and what was left there is ended when it is back', async () => {
    await using proxy: TcpProxy = await tcpProxy(host.port);
    const far = other({ port: proxy.port, keepaliveMs: 200 });
    const box = await created(far);
    const underWay = box.exec({ argv: ['sleep', '30'] });
    underWay.catch(() => {});
    await pause(200);
    const began = performance.now();
    proxy.freeze();
    await expect(underWay).rejects.toMatchObject({ reason: 'SANDBOX_GONE' });
    expect(performance.now() - began).toBeLessThan(5_000);
    // The host knows nothing of it yet.
    expect(sandboxProcesses(box.id).length).toBeGreaterThan(1);
    await box.terminate();
    expect(sandboxProcesses(box.id)).toEqual([]);
    expect(await host.folders()).toEqual([]);
  });

  test('a login that is refused says which setting to look at', async () => {
    const stranger = path.join(host.folder, 'stranger');
    await writeFile(stranger, newKey().private, { mode: 0o600 });
    const refused = { kind: 'failed_precondition', reason: 'SSH_LOGIN' };
    await expect(created(other({ keyFile: stranger }))).rejects.toMatchObject(refused);
    await expect(created(other({ keyFile: stranger }))).rejects.toThrow(/--ssh-key/);
    await expect(created(other({ user: 'nobody' }))).rejects.toMatchObject(refused);
    host.acceptsLogins = false;
    await expect(created(backend)).rejects.toMatchObject(refused);
    expect(host.logins).toBe(0);
  });

  test('a key that can not be used is told before anything is sent', async () => {
    const key = { kind: 'failed_precondition', reason: 'SSH_KEY' };
    await expect(created(other({ keyFile: '/not/there' }))).rejects.toMatchObject(key);
    const odd = path.join(host.folder, 'odd');
    await writeFile(odd, 'no key\n');
    await expect(created(other({ keyFile: odd }))).rejects.toMatchObject(key);
    await writeFile(odd, `${host.key.public}\n`);
    await expect(created(other({ keyFile: odd }))).rejects.toThrow(/public key/);
    expect(host.connections).toBe(0);
  });

  test('a host whose key is another or not known is given no login', async () => {
    const pinned = other({ fingerprint: newKey().fingerprint });
    await expect(created(pinned)).rejects.toMatchObject({
      kind: 'failed_precondition',
      reason: 'SSH_HOST_KEY_CHANGED',
    });
    const { fingerprint, ...rest } = host.options;
    const known = path.join(host.folder, 'known_hosts');
    const careful = createSshBackend({ ...rest, knownHostsFiles: [known] });
    others.push(careful);
    const unknown = created(careful);
    await expect(unknown).rejects.toMatchObject({ reason: 'SSH_HOST_KEY_UNKNOWN' });
    await expect(unknown).rejects.toThrow(`--ssh-fingerprint ${fingerprint}`);
    expect(host.logins).toBe(0);
    // Mended as it says, it works without being opened anew.
    await writeFile(known, `[127.0.0.1]:${host.port} ${host.key.public}\n`);
    expect((await created(careful)).backend).toBe('ssh');
    await writeFile(known, `[127.0.0.1]:${host.port} ${newKey().public}\n`);
    await expect(created(careful)).rejects.toMatchObject({ reason: 'SSH_HOST_KEY_CHANGED' });
  });

  test('a host that can not be reached, or says nothing, is unreachable in time', async () => {
    const unreachable = { kind: 'infrastructure_error', reason: 'SSH_UNREACHABLE' };
    await expect(created(other({ port: 1 }))).rejects.toMatchObject(unreachable);
    host.answers = false;
    const began = performance.now();
    const slow = other({ connectTimeoutMs: 300 });
    await expect(created(slow)).rejects.toMatchObject(unreachable);
    await expect(created(slow)).rejects.toThrow(/longer than 300 ms/);
    expect(performance.now() - began).toBeLessThan(5_000);
    const controller = new AbortController();
    const reason = new Error('enough');
    setTimeout(() => controller.abort(reason), 100);
    await expect(backend.create({}, { signal: controller.signal })).rejects.toBe(reason);
    await expect.poll(() => host.connections).toBe(0);
  });

  test('one that is turned away for the moment tries again, a few times', async () => {
    host.turnedAway = 3;
    expect((await created(backend)).backend).toBe('ssh');
    host.turnedAway = 100;
    await expect(created(backend)).rejects.toMatchObject({ reason: 'SSH_UNREACHABLE' });
    expect(host.turnedAway).toBe(95);
    host.turnedAway = 0;
  });

  test('what was made for somebody who no longer waits is ended', async () => {
    for (const ms of [0, 20, 40, 60, 80, 120]) {
      const controller = new AbortController();
      const made = backend.create({}, { signal: controller.signal });
      await pause(ms);
      controller.abort(new Error('late'));
      await made.then((box) => box.terminate()).catch(() => {});
    }
    await expect.poll(() => host.connections, { timeout: 5_000 }).toBe(0);
    await expect.poll(() => host.folders(), { timeout: 5_000 }).toEqual([]);
  });

  test('more commands than sessions share connections, and wait beyond them', async () => {
    const narrow = other({ sessionsPerConnection: 3, connectionsPerSandbox: 2 });
    const box = await created(narrow);
    const results = await Promise.all(
      Array.from({ length: 14 }, (_, i) =>
        box.exec({ argv: ['sh', '-c', `sleep 0.1; echo ${i}`] }),
      ),
    );
    expect(results.map(({ stdout }) => outputText(stdout))).toEqual(
      Array.from({ length: 14 }, (_, i) => `${i}\n`),
    );
    expect(host.peakSessions).toBe(6);
    expect(host.connections).toBe(2);
  });

  test('a host that allows fewer sessions than was thought is content all the same', async () => {
    host.maxSessions = 2;
    const box = await created(backend);
    const results = await Promise.all(
      Array.from({ length: 12 }, () => box.exec({ argv: ['sleep', '0.1'] })),
    );
    expect(results.map(({ exitCode }) => exitCode)).toEqual(Array(12).fill(0));
    expect(host.connections).toBe(4);
    // With every session taken a command is still told to end.
    const long = await Promise.all(
      Array.from({ length: 7 }, () => box.exec({ argv: ['sleep', '30'] }, { timeoutMs: 500 })),
    );
    expect(long.every(({ timedOut, leftRunning }) => timedOut && !leftRunning)).toBe(true);
  });

  test('one that waits for a session leaves when it is told to, and takes no turn', async () => {
    const narrow = other({ sessionsPerConnection: 2, connectionsPerSandbox: 1 });
    const box = await created(narrow);
    const first = box.exec({ argv: ['sleep', '0.6'] });
    await pause(100);
    const reason = new Error('no patience');
    const controller = new AbortController();
    const second = box.exec({ argv: ['true'] }, { signal: controller.signal });
    const third = box.exec({ argv: ['echo', 'third'] });
    controller.abort(reason);
    await expect(second).rejects.toBe(reason);
    expect((await first).exitCode).toBe(0);
    expect(outputText((await third).stdout)).toBe('third\n');
  });

  test('an account or host that is unfit says why', async () => {
    const unfit = { kind: 'failed_precondition', reason: 'SSH_HOST_UNFIT' };
    host.greeting = 'Welcome!\n';
    await expect(created(backend)).rejects.toMatchObject(unfit);
    await expect(created(backend)).rejects.toThrow(/says "Welcome!".*bashrc/);
    host.greeting = '';
    const nowhere = other({ folder: '/proc/none' });
    await expect(created(nowhere)).rejects.toMatchObject(unfit);
    await expect(created(nowhere)).rejects.toThrow(/mkdir/);
  });

  test('its time over, it is ended by the host', async () => {
    const box = await backend.create({}, { lifetimeMs: 1_000, signal: never });
    const underWay = box.exec({ argv: ['sleep', '30'] });
    await expect(underWay).rejects.toMatchObject({ reason: 'SANDBOX_GONE' });
    await expect(underWay).rejects.toThrow(/time is over/);
    expect(sandboxProcesses(box.id)).toEqual([]);
    expect(await host.folders()).toEqual([]);
  });

  test('daemons and folders without permissions end with their sandbox', async () => {
    const box = await created(backend);
    const script = `setsid sh -c 'while :; do sleep 1; done' >/dev/null 2>&1 </dev/null &
      setsid env -i sleep 300 >/dev/null 2>&1 </dev/null &
      mkdir -p shut/deep && touch shut/deep/file && chmod 000 shut/deep shut; sleep 0.2`;
    expect((await box.exec({ argv: ['sh', '-c', script] })).exitCode).toBe(0);
    expect(sandboxProcesses(box.id).length).toBeGreaterThan(1);
    await box.terminate();
    expect(sandboxProcesses(box.id)).toEqual([]);
    expect(await host.folders()).toEqual([]);
  });

  test('a command knows nothing of where it was sent from, and has a home of its own', async () => {
    const box = await created(backend);
    const { stdout } = await box.exec({ argv: ['env'] });
    expect(outputText(stdout)).not.toMatch(/^SSH_/m);
    expect(outputText(stdout)).toContain(`HOME=${box.workdir.replace(/workspace$/, 'home')}\n`);
  });

  test('its user is told once that nothing is kept apart', async () => {
    const warnings: string[] = [];
    const loud = other({ onWarning: (warning) => warnings.push(warning) });
    await created(loud);
    await created(loud);
    expect(warnings).toEqual([expect.stringMatching(/keeps nothing apart.*worker@127\.0\.0\.1/)]);
  });
});
