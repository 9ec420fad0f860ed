import * as net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { Code, createClient, type Transport } from '@connectrpc/connect';
import {
  createConnectTransport,
  createGrpcWebTransport,
  createGrpcTransport as createStockGrpcTransport,
} from '@connectrpc/connect-node';
import { describe, expect, it } from 'vitest';
import {
  connectHttp2,
  ECHO,
  GRPC,
  grpcMessage,
  openRequest,
  PRODUCE,
} from '../hostile/support/raw.ts';
import { KitService } from './support/kit-service.ts';
import { collect, failureOf, from, startKit } from './support/start-kit.ts';

const JSON_TYPE = { 'content-type': 'application/json' };

describe('one cleartext port', () => {
  const transports: Record<string, (baseUrl: string) => Transport> = {
    'gRPC over HTTP/2': (baseUrl) => createStockGrpcTransport({ baseUrl }),
    'gRPC-Web over HTTP/1.1': (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: '1.1' }),
    'gRPC-Web over HTTP/2': (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: '2' }),
    'Connect over HTTP/1.1': (baseUrl) => createConnectTransport({ baseUrl, httpVersion: '1.1' }),
    'Connect over HTTP/2': (baseUrl) => createConnectTransport({ baseUrl, httpVersion: '2' }),
    'Connect JSON over HTTP/1.1': (baseUrl) =>
      createConnectTransport({ baseUrl, httpVersion: '1.1', useBinaryFormat: false }),
  };
  for (const [name, create] of Object.entries(transports)) {
    it(`speaks ${name} with stock clients`, async () => {
      await using kit = await startKit();
      const client = createClient(KitService, create(kit.listener.address.url));
      expect((await client.echo({ text: 'hi' })).text).toBe('hi');
      const counts = (await collect(client.produce({ count: 3 }))).map(({ count }) => count);
      expect(counts).toEqual([0, 1, 2]);
      expect((await client.collect(from({}, {}))).count).toBe(2);
    });
  }
  it('takes a large upload and a GET over HTTP/1.1', async () => {
    await using kit = await startKit();
    const { url } = kit.listener.address;
    const data = Buffer.alloc(5_000_000).toString('base64');
    const response = await fetch(url + ECHO, {
      method: 'POST',
      headers: JSON_TYPE,
      body: JSON.stringify({ data }),
    });
    expect(((await response.json()) as { data: string }).data.length).toBe(data.length);
    const query = `encoding=json&message=${encodeURIComponent('{"text":"read"}')}`;
    const got = await fetch(`${url}/lachesis.kit.v1.KitService/Get?${query}`);
    expect(await got.json()).toEqual({ text: 'read' });
  });
  it('recognises HTTP/1.1 and HTTP/2 that arrive byte by byte', async () => {
    await using kit = await startKit();
    const { port } = kit.listener.address;
    const request = 'POST /x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
    expect(await drip(port, request)).toMatch(/^HTTP\/1.1 404/);
    // A settings frame answers the preface; its type is the fourth byte.
    const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0';
    expect((await drip(port, preface)).charCodeAt(3)).toBe(4);
  });
  it('reads gzip requests but never compresses a response', async () => {
    await using kit = await startKit();
    const text = 'a'.repeat(50_000);
    const response = await fetch(kit.listener.address.url + ECHO, {
      method: 'POST',
      headers: { ...JSON_TYPE, 'content-encoding': 'gzip', 'accept-encoding': 'gzip, br' },
      body: gzipSync(JSON.stringify({ text })),
    });
    expect(response.headers.get('content-encoding')).toBeNull();
    expect(await response.json()).toEqual({ text });

    const session = await connectHttp2(kit.listener.address.port);
    const headers = {
      ':path': ECHO,
      'content-type': 'application/grpc',
      'grpc-accept-encoding': 'gzip',
    };
    const answer = await openRequest(session, headers, grpcMessage({ text }), 'end');
    expect(answer.body[0]).toBe(0);
    expect(answer.body.byteLength).toBeGreaterThan(50_000);
    session.destroy();
  });
});

describe('fallbacks', () => {
  it('serve their prefix on both versions, the longest first, behind authorize unless public', async () => {
    await using kit = await startKit({
      listener: {
        authorize: ({ headers }) =>
          headers.authorization === 'Bearer yes'
            ? { ok: true, context: 'someone' }
            : { ok: false, code: Code.Unauthenticated, message: 'no token.' },
        fallbacks: {
          '/metrics': {
            public: true,
            handle: (_request, response) => void response.end('metrics'),
          },
          '/v1/': {
            handle: (_request, response, { caller }) => void response.end(`v1 for ${caller}`),
          },
          '/v1/special': { handle: (_request, response) => void response.end('special') },
          '/broken': {
            public: true,
            handle: async () => {
              throw new Error('no such gateway');
            },
          },
        },
      },
    });
    const { url, port } = kit.listener.address;
    const get = async (path: string, token?: string) => {
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const response = await fetch(url + path, { headers });
      return `${response.status} ${await response.text()}`;
    };
    expect(await get('/metrics')).toBe('200 metrics');
    expect(await get('/metrics/deep?x=1')).toBe('200 metrics');
    expect(await get('/metricsfoo', 'yes')).toMatch(/^404 /);
    expect(await get('/v1/chat')).toMatch(/^401 no token\./);
    expect(await get('/v1/chat', 'yes')).toBe('200 v1 for someone');
    expect(await get('/v1/special/x', 'yes')).toBe('200 special');
    expect(await get('/broken')).toMatch(/^500 internal error/);

    const session = await connectHttp2(port);
    const answer = await openRequest(session, { ':method': 'GET', ':path': '/metrics' });
    expect(answer.body.toString()).toBe('metrics');
    session.destroy();
  });
});

describe('authorize', () => {
  it('that throws is answered INTERNAL and the server lives', async () => {
    await using kit = await startKit({
      listener: {
        authorize: ({ path }) => {
          if (path.endsWith('Echo')) throw new Error('the store is broken');
          return { ok: true };
        },
      },
    });
    const error = await failureOf(kit.client.echo({}));
    expect(String(error)).toBe('ConnectError: [internal] internal error');
    expect((await kit.client.get({ text: 'lives' })).text).toBe('lives');
  });
  it('that answers after the caller has hung up harms nobody', async () => {
    const refuse = { ok: false, code: Code.Unauthenticated, message: 'no.' } as const;
    await using kit = await startKit({
      listener: {
        authorize: async ({ path }) => {
          await sleep(30);
          return path.endsWith('Echo') ? refuse : { ok: true };
        },
      },
    });
    const session = await connectHttp2(kit.listener.address.port);
    const streams = [ECHO, PRODUCE, '/nowhere'].flatMap((path) =>
      Array.from({ length: 20 }, () => {
        const stream = session.request({ ':method': 'POST', ':path': path, ...GRPC });
        stream.on('error', () => {});
        return stream;
      }),
    );
    await sleep(10);
    for (const [index, stream] of streams.entries()) if (index % 2 === 0) stream.close(8);
    session.destroy();
    await sleep(80);
    expect(kit.listener.stats()).toMatchObject({ http2Streams: 0, exchanges: 0 });
    expect((await kit.client.get({ text: 'lives' })).text).toBe('lives');
  });
  it('that never answers is UNAVAILABLE after its time', async () => {
    await using kit = await startKit({
      listener: { authorize: () => new Promise(() => {}), timeouts: { authorizeMs: 50 } },
    });
    expect(String(await failureOf(kit.client.echo({})))).toContain('longer than 50 ms');
  });
});

describe('an allowed origin', () => {
  const origin = 'https://app.example.org';
  it('passes its preflight and its call, and may read the answer', async () => {
    await using kit = await startKit({ listener: { allowedOrigins: [origin] } });
    const url = kit.listener.address.url + ECHO;
    const preflight = await fetch(url, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST' },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-origin')).toBe(origin);
    expect(preflight.headers.get('access-control-allow-headers')).toContain('authorization');
    const headers = { origin, ...JSON_TYPE };
    const call = await fetch(url, { method: 'POST', headers, body: '{}' });
    expect(call.status).toBe(200);
    expect(call.headers.get('access-control-allow-origin')).toBe(origin);
  });
});

/** Writes a byte at a time and gives the first bytes that come back. */
async function drip(port: number, text: string): Promise<string> {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
  const answer = new Promise<string>((resolve, reject) => {
    socket.once('data', (chunk) => resolve(chunk.toString('latin1')));
    socket.once('error', reject);
  });
  for (const byte of Buffer.from(text, 'latin1')) {
    socket.write(Uint8Array.of(byte));
    await sleep(1);
  }
  const first = await answer;
  socket.destroy();
  return first;
}
