import { copyFile, mkdir, readdir, rename, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Code } from '@connectrpc/connect';
import { expect, test } from 'vitest';
import { connect } from '../../src/client/index.ts';
import { LocalToken } from '../../src/client/local-token.ts';
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
