import { copyFile, mkdir, readdir, rename, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Code } from '@connectrpc/connect';
import { expect, test } from 'vitest';
import { connect, type LachesisClient } from '../../src/client/index.ts';
import { LocalToken } from '../../src/client/local-token.ts';
import { createProcessBackend, createSandboxPool } from '../../src/sandbox/index.ts';
import { startServer } from '../../src/server/index.ts';
import { serveForTest } from '../support/serve.ts';

test('a client goes on with the server that comes after its own, whose tokens are others', async () => {
  await using first = await serveForTest();
  const { client, server, directory } = first;
  expect((await client.server.info()).instanceId).toBe(server.instanceId);
  await server.close();
  const tokenDirectory = path.join(directory, 'tokens');
  await using next = await startServer({ environments: [], port: server.port, tokenDirectory });
  expect(next.tokens).not.toEqual(server.tokens);
  await expect
    .poll(
      () =>
        client.server.info().then(
          ({ instanceId }) => instanceId,
          () => '',
        ),
      {
        timeout: 5_000,
      },
    )
    .toBe(next.instanceId);
});

test('a call that comes before the server has written its tokens waits for them a little', async () => {
  await using served = await serveForTest();
  const { server, directory } = served;
  const late = path.join(directory, 'late');
  await using client = await connect({ address: server.address, tokenDirectory: late });
  const asked = client.server.info();
  await mkdir(late, { mode: 0o700 });
  const [file = ''] = await readdir(path.join(directory, 'tokens'));
  await copyFile(path.join(directory, 'tokens', file), path.join(late, file));
  expect((await asked).instanceId).toBe(server.instanceId);
  const nowhere = { address: server.address, tokenDirectory: path.join(directory, 'none') };
  await using other = await connect(nowhere);
  await expect(other.server.info()).rejects.toMatchObject({ code: Code.Unauthenticated });
});

test('sandboxes are had by the agent’s token, which is new with each server as well', async () => {
  const backend = createProcessBackend({ allowRoot: true, onWarning: () => {} });
  const pool = createSandboxPool({ backend });
  await using served = await serveForTest({ sandboxes: pool });
  const { client, server, directory } = served;
  const backendOf = async (of: LachesisClient): Promise<string> => {
    await using sandbox = await of.sandboxes.acquire();
    return sandbox.backend;
  };
  expect(await backendOf(client)).toBe('process');
  await using agent = await served.connect({ scope: 'agent' });
  expect(await backendOf(agent)).toBe('process');
  await expect(agent.runs.status('r')).rejects.toMatchObject({ code: Code.PermissionDenied });
  await server.close();
  const tokenDirectory = path.join(directory, 'tokens');
  await using _next = await startServer({
    ...{ environments: [], port: server.port, tokenDirectory, sandboxes: pool },
  });
  await expect.poll(() => backendOf(client).catch(() => ''), { timeout: 5_000 }).toBe('process');
  await pool.drain({ graceMs: 0 });
  await backend[Symbol.asyncDispose]();
});

test('token files are read again when one came, and not at every call', async () => {
  await using served = await serveForTest();
  const directory = path.join(served.directory, 'own');
  const file = path.join(directory, 'server.json');
  const { address } = served.server;
  const saying = (trainer: string): string =>
    JSON.stringify({
      ...{ address, pid: process.pid, instanceId: '' },
      tokens: { operator: '', trainer, worker: '' },
    });
  await mkdir(directory, { mode: 0o700 });
  await writeFile(file, saying('first'), { mode: 0o600 });
  await utimes(directory, 1, 1);
  const token = new LocalToken({ address, scope: 'trainer', directory, token: undefined });
  const after = async (): Promise<string | undefined> => {
    await new Promise((resolve) => setTimeout(resolve, 110));
    return await token.get();
  };
  expect(await token.get()).toBe('first');
  // In place, which no server does: so it is seen that nobody looked.
  await writeFile(file, saying('unseen'));
  expect(await after()).toBe('first');
  await writeFile(`${file}.new`, saying('second'), { mode: 0o600 });
  await rename(`${file}.new`, file);
  expect(await after()).toBe('second');
});
