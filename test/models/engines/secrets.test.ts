import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { LachesisError } from '../../../src/errors.ts';
import { createVllmEngine, type VllmEngineOptions } from '../../../src/models/index.ts';
import { live } from './contract.ts';

const KEY = 'sk-TOP/SECRET"1';

/** What a call to a server that answers so ends with. */
async function failureOf(answer: RequestListener, options: Partial<VllmEngineOptions> = {}) {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const { port } = server.address() as AddressInfo;
  const engine = createVllmEngine({
    url: `http://127.0.0.1:${port}`,
    apiKey: KEY,
    vocabularySize: 100,
    model: 'm',
    ...options,
    ...(options.url !== undefined && { url: `${options.url}:${port}` }),
  });
  try {
    const request = { requestId: 'r', promptTokenIds: Int32Array.of(1), sampling: {} };
    const made = await engine.generate(request, { signal: live });
    return (made.failure ?? made.amiss) as LachesisError;
  } catch (thrown) {
    return thrown as LachesisError;
  } finally {
    await engine.close();
    server.closeAllConnections();
    server.close();
  }
}

const says =
  (body: string, status = 200): RequestListener =>
  (request, response) => {
    request.resume();
    response.writeHead(status).end(body);
  };

const events = (...values: unknown[]) =>
  values.map((value) => `data: ${JSON.stringify(value)}\n\n`).join('');
const unicode = [...KEY].map((c) => `\\u00${c.charCodeAt(0).toString(16)}`).join('');

test.each<[string, RequestListener, Partial<VllmEngineOptions>]>([
  ['in a status', says(`bad ${KEY}`, 401), {}],
  ['in a status, as JSON', says(JSON.stringify({ detail: `bad ${KEY}` }), 401), {}],
  ['in a status, as JSON that nobody can read', says(`{"bad ${unicode}`, 500), {}],
  ['in a status, as JSON with other escapes', says(`{"detail":"bad ${unicode}"}`, 401), {}],
  ['in a status, as a part of a URL', says(`at /?key=${encodeURIComponent(KEY)}`, 401), {}],
  ['in a status, where the message is cut', says(`${'x'.repeat(390)}${KEY}`, 401), {}],
  ['in no JSON', says(`<b>${KEY}</b>`), {}],
  ['as a token id', says(JSON.stringify({ choices: [{ token_ids: [KEY] }] })), {}],
  [
    'as the error of a stream',
    says(events({ error: { message: `${'x'.repeat(390)}${KEY}` } })),
    { stream: true },
  ],
  [
    'as the error of a stream that had begun',
    says(events({ choices: [{ token_ids: [1] }] }, { error: { code: KEY } })),
    { stream: true },
  ],
  [
    'in a header of the caller’s',
    (request, response) => response.writeHead(401).end(String(request.headers['x-api-key'])),
    { headers: { 'x-api-key': `${KEY}-2` } },
  ],
  [
    'as a user and a password',
    (request, response) => response.writeHead(401).end(request.headers.authorization),
    { url: `http://me:${encodeURIComponent(KEY)}@127.0.0.1`, apiKey: undefined as never },
  ],
])('a key that the server says back is shown nowhere: %s', async (_, answer, options) => {
  const error = await failureOf(answer, options);
  expect(error).toBeInstanceOf(LachesisError);
  const { message, metadata, cause } = error;
  const shown = [message, JSON.stringify(metadata), String((cause as Error | undefined)?.message)];
  for (const part of ['SECRET', 'sk-', '\\u0073', Buffer.from(`me:${KEY}`).toString('base64')]) {
    expect(shown.join('\n')).not.toContain(part);
  }
});

test('what a server gives in place of an id is quoted in part', async () => {
  const error = await failureOf(
    says(JSON.stringify({ choices: [{ token_ids: ['x'.repeat(1_000_000)] }] })),
  );
  expect(error.reason).toBe('BAD_ENGINE_REPLY');
  expect(error.message.length).toBeLessThan(300);
});
