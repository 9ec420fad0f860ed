import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Code } from '@connectrpc/connect';
import { describe, expect, test } from 'vitest';
import { findTokenFiles } from '../../src/client/index.ts';
import { createAuthorizer } from '../../src/server/credentials.ts';
import { startServer } from '../../src/server/index.ts';
import { writeTokenFile } from '../../src/server/start-tokens.ts';
import type { RequestHead } from '../../src/transport/index.ts';
import { serveForTest } from '../support/serve.ts';

const head = (path: string, more: Partial<RequestHead> = {}): RequestHead => ({
  path,
  method: 'POST',
  headers: {},
  remoteAddress: '127.0.0.1',
  ...more,
});

const RUNS = '/lachesis.v1.RunService/ListRuns';

describe('binding', () => {
  test.each(['0.0.0.0', '::', '192.0.2.1'])(
    'refuses %s without credentials, with the fix',
    async (host) => {
      for (const auth of [undefined, { kind: 'none' }, { kind: 'start_tokens' }] as const) {
        const start = startServer({ environments: [], host, ...(auth !== undefined && { auth }) });
        await expect(start).rejects.toMatchObject({
          kind: 'failed_precondition',
          reason: 'CREDENTIALS_REQUIRED',
          message: expect.stringContaining('127.0.0.1'),
        });
      }
    },
  );

  test('refuses a token that can be guessed', async () => {
    const credentials = [{ scope: 'operator', token: 'short' }] as const;
    await expect(
      startServer({ environments: [], auth: { kind: 'credentials', credentials } }),
    ).rejects.toMatchObject({ field: 'auth.credentials[0].token' });
  });

  test('serves everyone on loopback when told so', async () => {
    await using served = await serveForTest({ auth: { kind: 'none' } });
    expect(served.server.tokens).toBeUndefined();
    await using client = await served.connect();
    await expect(client.runs.status('none')).rejects.toMatchObject({ code: Code.NotFound });
  });
});

describe('the authorizer', () => {
  const authorize = createAuthorizer({
    credentials: [
      { scope: 'operator', token: 'o'.repeat(20) },
      { scope: 'agent', token: 'a'.repeat(20) },
    ],
    httpScopes: { '/metrics': ['operator'] },
  });
  const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

  test.each([
    ['no credential', head(RUNS), Code.Unauthenticated],
    ['a wrong token', head(RUNS, bearer('x'.repeat(20))), Code.Unauthenticated],
    ['a prefix of a token', head(RUNS, bearer('o'.repeat(19))), Code.Unauthenticated],
    ['another plane', head(RUNS, bearer('a'.repeat(20))), Code.PermissionDenied],
    ['another plane of HTTP', head('/metrics', bearer('a'.repeat(20))), Code.PermissionDenied],
  ])('refuses %s', async (_, request, code) => {
    expect(await authorize(request)).toMatchObject({ ok: false, code });
  });

  test('takes the scope of the token', async () => {
    expect(await authorize(head(RUNS, bearer('o'.repeat(20))))).toEqual({
      ok: true,
      context: { scope: 'operator', id: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
  });

  test('takes the scope of a client certificate', async () => {
    const peerCertificate = {
      subject: { OU: 'lachesis:operator', CN: 'x' },
    } as unknown as NonNullable<RequestHead['peerCertificate']>;
    expect(await authorize(head(RUNS, { peerCertificate }))).toMatchObject({ ok: true });
    const other = { subject: { OU: 'operator', CN: 'x' } } as unknown as typeof peerCertificate;
    expect(await authorize(head(RUNS, { peerCertificate: other }))).toMatchObject({ ok: false });
  });
});

describe('the token file', () => {
  test('is readable by its user only, is found by clients, and goes with the server', async () => {
    const served = await serveForTest();
    const { tokenFile, tokens, address } = served.server;
    expect((await stat(tokenFile!)).mode & 0o777).toBe(0o600);
    expect((await stat(join(served.directory, 'tokens'))).mode & 0o777).toBe(0o700);
    expect(JSON.parse(await readFile(tokenFile!, 'utf8'))).toMatchObject({
      address,
      pid: process.pid,
      tokens,
    });
    expect(await readdir(join(served.directory, 'tokens'))).toHaveLength(1);
    await served.server.close();
    expect(await readdir(join(served.directory, 'tokens'))).toHaveLength(0);
    await served[Symbol.asyncDispose]();
  });

  test('is passed over when another user could read it, when it is a link, or its process is gone', async () => {
    const directory = join(await mkdtemp(join(tmpdir(), 'lachesis-tokens-')), 'lachesis');
    const tokens = { operator: 'o', trainer: 't', worker: 'w' };
    const file = { address: 'http://127.0.0.1:1', pid: process.pid, instanceId: 'i', tokens };
    const written = await writeTokenFile(file, directory);
    expect(await findTokenFiles(directory)).toHaveLength(1);
    await chmod(written.path, 0o640);
    expect(await findTokenFiles(directory)).toHaveLength(0);
    await chmod(written.path, 0o600);
    await symlink(written.path, join(directory, 'server-2.json'));
    await writeFile(join(directory, 'server-3.json'), 'not json', { mode: 0o600 });
    const gone = { ...file, address: 'http://127.0.0.1:4', pid: 2 ** 30 };
    await using _gone = await writeTokenFile(gone, directory);
    expect(await findTokenFiles(directory)).toHaveLength(1);
    await chmod(directory, 0o755);
    expect(await findTokenFiles(directory)).toHaveLength(0);
    await mkdir(directory, { recursive: true });
    await written[Symbol.asyncDispose]();
  });

  test('of a later server on the same port is left alone', async () => {
    const directory = join(await mkdtemp(join(tmpdir(), 'lachesis-tokens-')), 'lachesis');
    const tokens = { operator: 'o', trainer: 't', worker: 'w' };
    const file = { address: 'http://127.0.0.1:1', pid: process.pid, instanceId: 'first', tokens };
    const first = await writeTokenFile(file, directory);
    await using _second = await writeTokenFile({ ...file, instanceId: 'second' }, directory);
    await first[Symbol.asyncDispose]();
    expect(await findTokenFiles(directory)).toMatchObject([{ instanceId: 'second' }]);
  });

  test('lets a client of a scope do what the scope may', async () => {
    await using served = await serveForTest();
    await using trainer = await served.connect({ scope: 'trainer' });
    await expect(trainer.environments.list()).resolves.toHaveLength(1);
    await expect(trainer.runs.get('x')).rejects.toMatchObject({ code: Code.PermissionDenied });
    await using stranger = await served.connect({ token: 'x'.repeat(43) });
    await expect(stranger.server.info()).rejects.toMatchObject({ code: Code.Unauthenticated });
  });
});
