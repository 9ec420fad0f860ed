/** What a peer without credentials, manners or speed can't do to the listener. */
import * as net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Code, ConnectError } from '@connectrpc/connect';
import { Client, credentials, type ServiceError } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createGrpcTransport, createRpcClient } from '../../src/transport/index.ts';
import { KitService } from '../transport/support/kit-service.ts';
import { connectHttp2, ECHO, GRPC, grpcMessage, openRequest, rawExchange } from './support/raw.ts';
import { startUnderTest, type UnderTest, type UnderTestOptions } from './support/under-test.ts';

const MIB = 1_048_576;
const TOKEN = 'a-token-of-the-acceptance-tests';

function clientOf(server: UnderTest, token?: string) {
  const transport = createGrpcTransport({
    baseUrl: server.http2Url,
    retry: false,
    token: () => token,
  });
  const client = createRpcClient(KitService, transport);
  return Object.assign(client, { [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose]() });
}

/** One server for all tests of a describe. */
function shared(options: UnderTestOptions): () => UnderTest {
  let server: UnderTest | undefined;
  beforeAll(async () => {
    server = await startUnderTest(options);
  });
  afterAll(() => server?.[Symbol.asyncDispose]());
  return () => server!;
}

describe('a caller without credentials', () => {
  const server = shared({ token: TOKEN });
  it('is refused over gRPC before it has sent a byte of body, in headers that end the stream', async () => {
    const session = await connectHttp2(server().http2Port);
    const answer = await openRequest(session, { ':path': ECHO, ...GRPC });
    expect(answer.endedWithHeaders).toBe(true);
    expect(answer.headers).toMatchObject({ ':status': 200, 'grpc-status': '16' });
    expect(decodeURIComponent(String(answer.headers['grpc-message']))).toContain('Bearer <token>');
    session.destroy();
  });
  it('is refused over gRPC-Web with a trailer frame', async () => {
    const session = await connectHttp2(server().http2Port);
    const type = { 'content-type': 'application/grpc-web+proto' };
    const answer = await openRequest(session, { ':path': ECHO, ...type });
    expect(answer.headers).toMatchObject({ ':status': 200, ...type });
    expect(answer.body[0]).toBe(0x80);
    expect(answer.body.subarray(5).toString()).toMatch(/^grpc-status: 16\r\ngrpc-message: /);
    session.destroy();
  });
  it('is refused over Connect with 401 and JSON, over HTTP/1.1 as well', async () => {
    const head = `POST ${ECHO} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 60000000\r\n\r\n`;
    const { text } = await rawExchange(server().http1Port, head, 300);
    expect(text).toMatch(/^HTTP\/1.1 401 /);
    expect(text).toContain('{"code":"unauthenticated","message":"this server wants a credential.');
  });
  it('is refused over a Connect stream with an end-of-stream frame', async () => {
    const session = await connectHttp2(server().http2Port);
    const type = { 'content-type': 'application/connect+json' };
    const answer = await openRequest(session, { ':path': ECHO, ...type });
    expect(answer.body[0]).toBe(0x02);
    expect(JSON.parse(answer.body.subarray(5).toString())).toMatchObject({
      error: { code: 'unauthenticated' },
    });
    session.destroy();
  });
  it('is not invited to send a body by 100-continue', async () => {
    const head = `POST ${ECHO} HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n`;
    const { text } = await rawExchange(server().http1Port, head, 500);
    expect(text).toMatch(/^HTTP\/1.1 401 /);
  });
  it('learns it although it was sending 60 MB; no handler ran, and a call with a token passes', async () => {
    await using intruder = clientOf(server());
    const data = new Uint8Array(60 * MIB);
    const error = await intruder.echo({ data }).catch(ConnectError.from);
    expect(error).toMatchObject({ code: Code.Unauthenticated });
    expect((await server().stats()).calls).toBe(0);
    await using friend = clientOf(server(), TOKEN);
    expect((await friend.echo({ text: 'hello' })).text).toBe('hello');
    await untilNoStreams(server());
  });
  it('does not learn which paths exist', async () => {
    const session = await connectHttp2(server().http2Port);
    const answer = await openRequest(session, { ':path': '/nothing.here/AtAll', ...GRPC });
    expect(answer.headers['grpc-status']).toBe('16');
    session.destroy();
  });
});

describe('a peer that is slow on purpose', () => {
  const timeouts = { firstByteMs: 300, headersMs: 400 };
  const cases = {
    'says nothing at all': '',
    'stops in the middle of an HTTP/2 preface': 'PRI * H',
    'sends the preface and no settings': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'never ends its HTTP/1.1 headers': `POST ${ECHO} HTTP/1.1\r\nHost: localhost\r\nX-Slow: `,
  };
  for (const [name, bytes] of Object.entries(cases)) {
    it(`is cut off when it ${name}`, async () => {
      await using server = await startUnderTest({ timeouts });
      const { closed } = await rawExchange(server.http1Port, bytes, 8_000);
      expect(closed).toBe(true);
    });
  }
  it('is cut off when its HTTP/1.1 body drips', async () => {
    await using server = await startUnderTest({ timeouts: { ...timeouts, requestMs: 600 } });
    const head = `POST ${ECHO} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{`;
    const { closed } = await rawExchange(server.http1Port, head, 8_000);
    expect(closed).toBe(true);
  });
  it('is cut off when it answers no ping', async () => {
    const pings = { pingIntervalMs: 100, pingTimeoutMs: 200 };
    await using server = await startUnderTest({ timeouts: pings });
    // A preface and empty settings, then silence: no acknowledgement of anything.
    const bytes = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0';
    const { closed } = await rawExchange(server.http2Port, bytes, 8_000);
    expect(closed).toBe(true);
  });
});

describe('a web page', () => {
  const send = async (server: UnderTest, headers: string) => {
    const head = `POST ${ECHO} HTTP/1.1\r\n${headers}Content-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}`;
    return (await rawExchange(server.http1Port, head, 2_000)).text.slice(0, 12);
  };
  it('of a foreign origin is refused', async () => {
    await using server = await startUnderTest();
    expect(await send(server, 'Host: localhost\r\n')).toBe('HTTP/1.1 200');
    for (const origin of ['https://evil.example', 'null', `http://localhost:${server.http1Port}`]) {
      expect(await send(server, `Host: localhost\r\nOrigin: ${origin}\r\n`)).toBe('HTTP/1.1 403');
    }
    const noCors = 'Host: localhost\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n';
    expect(await send(server, noCors)).toBe('HTTP/1.1 403');
    expect((await server.stats()).calls).toBe(1);
  });
  it('that rebinds its name to the loopback address is refused', async () => {
    await using server = await startUnderTest();
    expect(await send(server, 'Host: rebound.evil.example\r\n')).toBe('HTTP/1.1 403');
    expect(await send(server, 'Host: 127.0.0.1.evil.example\r\n')).toBe('HTTP/1.1 403');
    expect(await send(server, 'Host: [::1]:1234\r\n')).toBe('HTTP/1.1 200');
  });
});

describe('odd requests', () => {
  const server = shared({});
  const oddities = {
    'a target that names another host': ['GET //evil.example/x HTTP/1.1', '400'],
    'a proxy request': ['GET http://evil.example/x HTTP/1.1', '400'],
    'an authority with a user': ['GET / HTTP/1.1\r\nHost: evil@localhost', '400'],
    'an unknown path': ['GET /nothing HTTP/1.1\r\nHost: localhost', '404'],
    'a line that is no HTTP': ['HELO mail.example', '400'],
  } as const;
  for (const [name, [head, status]] of Object.entries(oddities)) {
    it(`${name} is answered ${status}`, async () => {
      const host = head.includes('Host') ? '' : 'Host: localhost\r\n';
      const bytes = `${head}\r\n${host}Connection: close\r\n\r\n`;
      const { text } = await rawExchange(server().http1Port, bytes);
      expect(text.slice(9, 12)).toBe(status);
      expect(server().isAlive).toBe(true);
    });
  }
  it('connections that reset at any point harm nobody', async () => {
    const openings = [
      '',
      'PR',
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
      'POST / HT',
      'GET / HTTP/1.1\r\n\r\n',
    ];
    for (const opening of openings) {
      const sockets = Array.from({ length: 10 }, () => {
        const socket = net.connect(server().http1Port, '127.0.0.1');
        socket.on('error', () => {});
        socket.write(opening);
        return socket;
      });
      await sleep(20);
      for (const socket of sockets) socket.resetAndDestroy();
    }
    await sleep(50);
    expect(server().isAlive).toBe(true);
    await untilNoStreams(server());
  });
  it('CONNECT over either version harms nobody', async () => {
    const connect = 'CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n';
    await rawExchange(server().http1Port, connect, 300);
    const session = await connectHttp2(server().http2Port);
    const headers = { ':method': 'CONNECT', ':authority': 'evil.example:443' };
    expect((await openRequest(session, headers)).headers[':status']).toBe(405);
    await using client = clientOf(server());
    expect((await client.echo({ text: 'fine' })).text).toBe('fine');
    session.destroy();
  });
  it('an unknown method over gRPC is UNIMPLEMENTED', async () => {
    const session = await connectHttp2(server().http2Port);
    const path = '/lachesis.kit.v1.KitService/Nothing';
    const answer = await openRequest(session, { ':path': path, ...GRPC }, grpcMessage({}), 'end');
    expect(answer.headers['grpc-status']).toBe(String(Code.Unimplemented));
    session.destroy();
  });
});

describe('a handler that throws', () => {
  it('is answered INTERNAL without its message, and logged once', async () => {
    await using server = await startUnderTest();
    await using client = clientOf(server);
    const error = await client.fail({ text: 'throw' }).catch(ConnectError.from);
    expect(error).toMatchObject({ code: Code.Internal });
    expect((error as ConnectError).rawMessage).not.toContain('secret');
    expect((await server.stats()).errorsLogged).toEqual(['handler failed']);
  });
});

describe('a stock gRPC client with its default limit of 4 MiB', () => {
  it('gets 3 MB whole, is told RESOURCE_EXHAUSTED for 5 MB, and goes on', async () => {
    await using server = await startUnderTest();
    const client = new Client(`127.0.0.1:${server.http2Port}`, credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
    });
    const echo = (bytes: number): Promise<number> =>
      new Promise((resolve) => {
        const same = (buffer: Buffer): Buffer => buffer;
        const message = Buffer.from(grpcMessage({ data: new Uint8Array(bytes) }).subarray(5));
        client.makeUnaryRequest(ECHO, same, same, message, (error: ServiceError | null) =>
          resolve(error?.code ?? 0),
        );
      });
    expect(await echo(3 * MIB)).toBe(0);
    expect(await echo(5 * MIB)).toBe(Code.ResourceExhausted);
    expect(await echo(3 * MIB)).toBe(0);
    client.close();
  });
});

async function untilNoStreams(server: UnderTest): Promise<void> {
  for (let tries = 0; tries < 40; tries += 1) {
    if ((await server.stats()).streams === 0) return;
    await sleep(100);
  }
  expect((await server.stats()).streams).toBe(0);
}
