import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  createSshBackend,
  type SandboxBackend,
  sweepSandboxes,
} from '../../../../src/sandbox/index.ts';
import { sandboxProcesses } from '../../../support/ssh/sandbox-processes.ts';
import { SshHost } from '../../../support/ssh/ssh-host.ts';
import { tcpProxy } from '../../../support/tcp-proxy.ts';

const never = new AbortController().signal;
const OWNER = path.resolve(import.meta.dirname, '../../../support/ssh/owner-process.ts');

describe('sandboxes whose owner was killed', { timeout: 40_000 }, () => {
  let host: SshHost;
  let backend: SandboxBackend;
  const children: ChildProcess[] = [];
  beforeEach(async () => {
    host = await SshHost.start();
    backend = createSshBackend(host.options);
  });
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    await backend[Symbol.asyncDispose]();
    await host[Symbol.asyncDispose]();
  });

  /** Has a process lease sandboxes by this port; resolves with their ids, and what kills it. */
  async function owner(count: number, port = host.port) {
    const options = JSON.stringify({ ...host.options, port });
    const child = spawn(
      process.execPath,
      ['--conditions=lachesis-source', OWNER, options, String(count)],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    children.push(child);
    const closed = once(child, 'close');
    const [said] = await Promise.race([once(child.stdout, 'data'), closed]);
    const ids = String(said).trim().split(' ');
    expect(ids).toHaveLength(count);
    return {
      ids,
      kill: async () => {
        child.kill('SIGKILL');
        await closed;
      },
    };
  }

  test('are ended by the host as soon as it hears of it', async () => {
    const { ids, kill } = await owner(4);
    expect((await backend.list({}, never)).map(({ id }) => id).sort()).toEqual([...ids].sort());
    for (const id of ids) expect(sandboxProcesses(id).length).toBeGreaterThan(1);
    await kill();
    const left = () => ids.flatMap((id) => sandboxProcesses(id));
    await expect.poll(left, { timeout: 5_000 }).toEqual([]);
    await expect.poll(() => host.folders(), { timeout: 5_000 }).toEqual([]);
  });

  test('are found by their tags at the next start where the host did not hear of it', async () => {
    await using proxy = await tcpProxy(host.port);
    const dead = await owner(3, proxy.port);
    const living = await owner(1);
    try {
      proxy.freeze();
      await dead.kill();
      expect(await host.folders()).toHaveLength(4);
      const report = await sweepSandboxes({ backend, signal: never });
      expect(report.failed).toEqual([]);
      expect(report.found).toBe(4);
      expect(report.ended.map(({ id }) => id).sort()).toEqual([...dead.ids].sort());
      expect(dead.ids.flatMap((id) => sandboxProcesses(id))).toEqual([]);
      expect(await host.folders()).toEqual(living.ids);
      // A second one finds nothing more to do.
      expect((await sweepSandboxes({ backend, signal: never })).ended).toEqual([]);
    } finally {
      await living.kill();
    }
  });

  test("a folder that is none of ours, or whose card lies, is another sandbox's no end", async () => {
    const box = await backend.create({}, { tags: { run: 'mine' }, signal: never });
    const stray = path.join(host.sandboxes, 'ssh-of-somebody');
    const forged = path.join(host.sandboxes, 'ssh-00000000-0000-0000-0000-000000000000');
    for (const folder of [stray, forged]) {
      await mkdir(folder);
      await writeFile(path.join(folder, 'card.json'), `{"id":"${box.id}","tags":{"run":"mine"}}\n`);
    }
    const found = await backend.list({ run: 'mine' }, never);
    expect(found.map(({ id }) => id).sort()).toEqual([path.basename(forged), box.id].sort());
    await found.find(({ id }) => id !== box.id)?.terminate();
    expect((await host.folders()).toSorted()).toEqual([box.id, 'ssh-of-somebody'].toSorted());
    expect((await box.exec({ argv: ['true'] })).exitCode).toBe(0);
  });
});
