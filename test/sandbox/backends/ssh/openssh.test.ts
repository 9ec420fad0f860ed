import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { createSshBackend } from '../../../../src/sandbox/index.ts';
import { noSshd, Openssh } from '../../../support/ssh/openssh.ts';
import { sandboxProcesses } from '../../../support/ssh/sandbox-processes.ts';
import { tcpProxy } from '../../../support/tcp-proxy.ts';

const never = new AbortController().signal;
const OWNER = path.resolve(import.meta.dirname, '../../../support/ssh/owner-process.ts');
const folders = (sshd: Openssh) => readdir(path.join(sshd.folder, 'sandboxes')).catch(() => []);

describe.skipIf(noSshd !== undefined)('what sshd itself does', { timeout: 40_000 }, () => {
  test('a connection that is cut takes its sandbox with it, and nothing is left', async () => {
    await using sshd = await Openssh.start();
    await using proxy = await tcpProxy(sshd.port);
    await using backend = createSshBackend({ ...sshd.options, port: proxy.port });
    const box = await backend.create({}, { signal: never });
    const underWay = box.exec({ argv: ['sh', '-c', 'setsid sleep 30 & sleep 30'] });
    underWay.catch(() => {});
    await pause(1_000);
    expect(sandboxProcesses(box.id).length).toBeGreaterThan(2);
    proxy.cut();
    await expect(underWay).rejects.toMatchObject({ reason: 'SANDBOX_GONE' });
    await expect.poll(() => sandboxProcesses(box.id), { timeout: 10_000 }).toEqual([]);
    await expect.poll(() => folders(sshd), { timeout: 10_000 }).toEqual([]);
  });

  test('an owner that is killed leaves nothing', async () => {
    await using sshd = await Openssh.start();
    const child = spawn(
      process.execPath,
      ['--conditions=lachesis-source', OWNER, JSON.stringify(sshd.options), '3'],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    try {
      const [said] = await once(child.stdout, 'data');
      const ids = String(said).trim().split(' ');
      for (const id of ids) expect(sandboxProcesses(id).length).toBeGreaterThan(1);
      child.kill('SIGKILL');
      const left = () => ids.flatMap((id) => sandboxProcesses(id));
      await expect.poll(left, { timeout: 10_000 }).toEqual([]);
      await expect.poll(() => folders(sshd), { timeout: 10_000 }).toEqual([]);
    } finally {
      child.kill('SIGKILL');
    }
  });

  test('keys of an agent log in, and an agent that is not there is passed over', async () => {
    await using sshd = await Openssh.start();
    const { keyFile = '', ...rest } = sshd.options;
    const agent = path.join(sshd.folder, 'agent');
    const child = spawn('ssh-agent', ['-D', '-a', agent], { stdio: 'ignore' });
    try {
      await expect.poll(() => existsSync(agent)).toBe(true);
      execFileSync('ssh-add', [keyFile], {
        env: { ...process.env, SSH_AUTH_SOCK: agent },
        stdio: 'ignore',
      });
      await using backend = createSshBackend({ ...rest, agent });
      expect((await backend.create({}, { signal: never })).backend).toBe('ssh');
      await using none = createSshBackend({ ...sshd.options, agent: `${agent}-none` });
      expect((await none.create({}, { signal: never })).backend).toBe('ssh');
      await using without = createSshBackend({ ...rest, agent: `${agent}-none` });
      await expect(without.create({}, { signal: never })).rejects.toMatchObject({
        kind: 'failed_precondition',
        reason: 'SSH_LOGIN',
      });
    } finally {
      child.kill('SIGTERM');
    }
  });

  test('many logins at a time are not dropped, and few sessions of a connection are enough', async () => {
    await using sshd = await Openssh.start(['MaxSessions 2', 'MaxStartups 5:100:5']);
    await using backend = createSshBackend(sshd.options);
    const boxes = await Promise.all(
      Array.from({ length: 8 }, () => backend.create({}, { signal: never })),
    );
    const [box] = boxes;
    const results = await Promise.all(
      Array.from({ length: 9 }, () => box?.exec({ argv: ['sleep', '0.3'] })),
    );
    expect(results.map((result) => result?.exitCode)).toEqual(Array(9).fill(0));
    expect(await backend.list({}, never)).toHaveLength(8);
  });

  test('a command that says much as it ends loses nothing of it', async () => {
    await using sshd = await Openssh.start();
    await using backend = createSshBackend(sshd.options);
    const box = await backend.create({}, { signal: never });
    const result = await box.exec(
      { argv: ['sh', '-c', 'head -c 20000000 /dev/zero; head -c 5000000 /dev/zero >&2'] },
      { onChunk: () => pause(1) },
    );
    expect([result.stdout.totalBytes, result.stderr.totalBytes]).toEqual([20_000_000, 5_000_000]);
    expect(result).toMatchObject({ exitCode: 0, leftRunning: false });
  });
});
