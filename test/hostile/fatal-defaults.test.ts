/**
 * The five ways in which the stock adapter loses its process or a connection. Each scenario runs
 * against the listener under test, where it must do no harm, and against the stock adapter, where
 * the harm must show: otherwise the test would prove nothing.
 */
import * as http2 from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { Code, ConnectError } from '@connectrpc/connect';
import { describe, expect, it } from 'vitest';
import { createGrpcTransport, createRpcClient } from '../../src/transport/index.ts';
import { KitService } from '../transport/support/kit-service.ts';
import {
  connectHttp2,
  ECHO,
  GRPC,
  grpcMessage,
  grpcPrefix,
  openRequest,
  PRODUCE,
  rawExchange,
} from './support/raw.ts';
import { listenerUnderTest, startUnderTest, type UnderTest } from './support/under-test.ts';

const MIB = 1_048_576;

async function codeOf(call: Promise<unknown>): Promise<Code | 'ok'> {
  try {
    await call;
    return 'ok';
  } catch (thrown) {
    return ConnectError.from(thrown).code;
  }
}

function clientOf(server: UnderTest) {
  const transport = createGrpcTransport({ baseUrl: server.http2Url, retry: false });
  const client = createRpcClient(KitService, transport);
  return Object.assign(client, { [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose]() });
}

describe('F1: an authority that no URL can be made of', () => {
  const http1 = {
    'an unparsable Host': `POST ${ECHO} HTTP/1.1\r\nHost: [\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`,
    'HTTP/1.0 without Host': `POST ${ECHO} HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`,
  };
  const overHttp2 = async (server: UnderTest) => {
    const session = await connectHttp2(server.http2Port);
    const headers = { ':path': ECHO, ':authority': '[', ...GRPC };
    const response = await openRequest(session, headers);
    session.destroy();
    return response.headers[':status'];
  };

  for (const [name, bytes] of Object.entries(http1)) {
    it(`${name} is answered 400 and the process lives`, async () => {
      await using server = await startUnderTest();
      expect((await rawExchange(server.http1Port, bytes, 1_000)).text).toMatch(/^HTTP\/1.1 400/);
      expect(server.isAlive).toBe(true);
    });
    it(`${name} ends the stock process`, async () => {
      await using server = await listenerUnderTest('stock');
      await rawExchange(server.http1Port, bytes, 3_000);
      await untilDead(server);
      expect(server.isAlive).toBe(false);
    });
  }

  it('a bad :authority is answered 400 and the connection and process live', async () => {
    await using server = await startUnderTest();
    expect(await overHttp2(server)).toBe(400);
    await using client = clientOf(server);
    expect((await client.echo({ text: 'still here' })).text).toBe('still here');
    expect(server.isAlive).toBe(true);
  });
  it('a bad :authority ends the stock process', async () => {
    await using server = await listenerUnderTest('stock');
    await overHttp2(server);
    await untilDead(server);
    expect(server.isAlive).toBe(false);
  });
});

describe('F2: readers slower than their server', () => {
  /** Eight responses of 4 MB pile up unread, then are given up; small calls share the connection. */
  const scenario = async (server: UnderTest) => {
    const session = await connectHttp2(server.http2Port);
    const unread = Array.from({ length: 8 }, () => {
      const stream = session.request({ ':method': 'POST', ':path': PRODUCE, ...GRPC });
      stream.on('error', () => {});
      stream.end(grpcMessage({ size: 4 * MIB }));
      return stream;
    });
    await untilCalls(server, unread.length);
    await sleep(200);
    const during = await openRequest(session, { ':path': ECHO, ...GRPC }, grpcMessage({}), 'end');
    for (const stream of unread) stream.close(http2.constants.NGHTTP2_CANCEL);
    await sleep(200);
    const after = await openRequest(session, { ':path': ECHO, ...GRPC }, grpcMessage({}), 'end');
    session.destroy();
    return { during, after };
  };
  it('leave small calls beside them and after them alone', async () => {
    await using server = await startUnderTest();
    const { during, after } = await scenario(server);
    expect(during.trailers['grpc-status']).toBe('0');
    expect(after.trailers['grpc-status']).toBe('0');
  });
  it('poison the stock connection for good', async () => {
    await using server = await listenerUnderTest('stock');
    const { during, after } = await scenario(server);
    expect(during.rstCode).toBe(http2.constants.NGHTTP2_ENHANCE_YOUR_CALM);
    expect(after.rstCode).toBe(http2.constants.NGHTTP2_ENHANCE_YOUR_CALM);
  });
  it('eight 4 MB echoes in parallel come back, and so does the next call', async () => {
    // What serve sends is held below the 4 MiB of stock clients; an echo of 4 MB is not.
    await using server = await startUnderTest({ limits: { writeMaxBytes: 16 * MIB } });
    await using client = clientOf(server);
    const data = new Uint8Array(4 * MIB);
    const calls = Array.from({ length: 8 }, () => codeOf(client.echo({ data })));
    expect(await Promise.all(calls)).toEqual(Array(8).fill('ok'));
    expect(await codeOf(client.echo({}))).toBe('ok');
  });
  it('a 20 MB message is refused by the 16 MiB limit, and the next call passes', async () => {
    await using server = await startUnderTest();
    await using client = clientOf(server);
    const data = new Uint8Array(20 * MIB);
    expect(await codeOf(client.echo({ data }))).toBe(Code.ResourceExhausted);
    expect(await codeOf(client.echo({}))).toBe('ok');
  });
});

describe('F3: a trainer that cancels everything', () => {
  /** Two thousand calls in flight are cancelled; an unrelated long call shares their connection. */
  const scenario = async (server: UnderTest) => {
    await using client = clientOf(server);
    const flush = new AbortController();
    const calls = Array.from({ length: 2_000 }, () =>
      codeOf(client.wait({ delayMs: 30_000 }, { signal: flush.signal })),
    );
    await untilCalls(server, calls.length);
    const survivor = codeOf(client.wait({ delayMs: 800 }, { timeoutMs: 10_000 }));
    await untilCalls(server, calls.length + 1);
    flush.abort();
    const codes = await Promise.all(calls);
    return { codes, survivor: await survivor, after: await codeOf(client.echo({})) };
  };
  it('the cancelled calls end as canceled and the survivor survives', async () => {
    await using server = await startUnderTest();
    const { codes, survivor, after } = await scenario(server);
    expect(new Set(codes)).toEqual(new Set([Code.Canceled]));
    expect(survivor).toBe('ok');
    expect(after).toBe('ok');
  });
  it('the stock server drops the connection with the survivor on it', async () => {
    await using server = await listenerUnderTest('stock');
    const { survivor } = await scenario(server);
    expect(survivor).not.toBe('ok');
  });
});

describe('F4: uploads that are refused before they are read', () => {
  /** A hundred 2 MB uploads beyond the size limit, one connection. */
  const scenario = async (server: UnderTest) => {
    await using client = clientOf(server);
    const data = new Uint8Array(2 * MIB);
    const codes: (Code | 'ok')[] = [];
    for (let index = 0; index < 100; index += 4) {
      const calls = Array.from({ length: 4 }, () =>
        codeOf(client.echo({ data }, { timeoutMs: 5_000 })),
      );
      codes.push(...(await Promise.all(calls)));
    }
    let { streams } = await server.stats();
    for (let tries = 0; tries < 20 && streams > 0; tries += 1) {
      await sleep(100);
      ({ streams } = await server.stats());
    }
    return { codes, streams };
  };
  const readMaxBytes = MIB;
  it('end with RESOURCE_EXHAUSTED and leave no stream half open', async () => {
    await using server = await startUnderTest({ readMaxBytes });
    const { codes, streams } = await scenario(server);
    expect(new Set(codes)).toEqual(new Set([Code.ResourceExhausted]));
    expect(streams).toBe(0);
  });
  it('stay half open for good with the stock adapter', async () => {
    await using server = await listenerUnderTest('stock', { readMaxBytes });
    expect((await scenario(server)).streams).toBeGreaterThan(0);
  });
});

describe('F5: messages that declare more than they send', () => {
  /** Thirty streams, eight bytes each, declaring 2 GiB apiece. */
  const scenario = async (server: UnderTest, waitMs: number) => {
    const session = await connectHttp2(server.http2Port);
    const headers = { ':path': ECHO, ...GRPC };
    const body = Buffer.concat([grpcPrefix(2 * 1024 * MIB - 1), new Uint8Array(3)]);
    const answers = Array.from({ length: 30 }, () => openRequest(session, headers, body));
    const responses = await Promise.race([Promise.all(answers), sleep(waitMs)]);
    const { peakArrayBufferBytes } = await server.stats();
    session.destroy();
    return { responses, peakArrayBufferBytes };
  };
  it('are refused with RESOURCE_EXHAUSTED and nothing is allocated for them', async () => {
    await using server = await startUnderTest();
    const { responses, peakArrayBufferBytes } = await scenario(server, 10_000);
    const statuses = responses?.map((response) => response.trailers['grpc-status']);
    expect(statuses).toEqual(Array(30).fill(String(Code.ResourceExhausted)));
    expect(peakArrayBufferBytes).toBeLessThan(64 * MIB);
  });
  it('make the stock adapter allocate what they declare', async () => {
    await using server = await listenerUnderTest('stock');
    expect((await scenario(server, 1_500)).peakArrayBufferBytes).toBeGreaterThan(4 * 1024 * MIB);
  });
});

/** Waits until so many calls have reached their handlers. */
async function untilCalls(server: UnderTest, calls: number): Promise<void> {
  for (let tries = 0; tries < 200 && (await server.stats()).calls < calls; tries += 1) {
    await sleep(25);
  }
}

async function untilDead(server: UnderTest): Promise<void> {
  for (let tries = 0; tries < 50 && server.isAlive; tries += 1) await sleep(50);
}
