import { setTimeout as sleep } from 'node:timers/promises';
import { Code } from '@connectrpc/connect';
import { describe, expect, it } from 'vitest';
import {
  createGrpcTransport,
  createRpcClient,
  type GrpcTransportOptions,
  resumeStream,
} from '../../src/transport/index.ts';
import { startUnderTest } from '../hostile/support/under-test.ts';
import { KitService, type Payload } from './support/kit-service.ts';
import { failureOf } from './support/start-kit.ts';

function clientOf(port: number, options: Partial<GrpcTransportOptions> = {}) {
  const baseUrl = `http://127.0.0.1:${port}`;
  const transport = createGrpcTransport({ baseUrl, ...options });
  const client = createRpcClient(KitService, transport);
  return Object.assign(client, {
    transport,
    [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
  });
}

describe('a server that is killed', () => {
  it('ends a unary call and a stream in flight with UNAVAILABLE', async () => {
    const server = await startUnderTest();
    await using client = clientOf(server.http2Port, { retry: false });
    const unary = failureOf(client.wait({ delayMs: 30_000 }));
    const stream = client.produce({ count: 0, delayMs: 5 })[Symbol.asyncIterator]();
    await stream.next();
    await sleep(50);
    await server[Symbol.asyncDispose]();
    expect(await unary).toMatchObject({ code: Code.Unavailable });
    const drained = (async () => {
      while ((await stream.next()).done !== true);
    })();
    expect(await failureOf(drained)).toMatchObject({ code: Code.Unavailable });
  });
  it('is used again by the same client after its restart', async () => {
    const first = await startUnderTest();
    const port = first.http2Port;
    await using client = clientOf(port, { retry: false });
    await client.echo({});
    await first[Symbol.asyncDispose]();
    expect(await failureOf(client.echo({}))).toMatchObject({ code: Code.Unavailable });
    await using _second = await startUnderTest({ port });
    const echoed = await client.transport
      .waitForReady({ timeoutMs: 8_000 })
      .then(() => client.echo({ text: 'again' }));
    expect(echoed.text).toBe('again');
  });
  it('costs an idempotent call only time, and fails another one', async () => {
    const first = await startUnderTest();
    const port = first.http2Port;
    await using client = clientOf(port, { retry: { maxAttempts: 30, maxMs: 300 } });
    await client.echo({});
    await first[Symbol.asyncDispose]();
    expect(await failureOf(client.echo({}))).toMatchObject({ code: Code.Unavailable });
    const patient = client.get({ text: 'patient' }, { timeoutMs: 15_000 });
    await sleep(200);
    await using _second = await startUnderTest({ port });
    expect((await patient).text).toBe('patient');
  });
  it('with waitForReady any call waits for it until its deadline', async () => {
    const first = await startUnderTest();
    const port = first.http2Port;
    await first[Symbol.asyncDispose]();
    await using client = clientOf(port, { retry: false, waitForReady: true });
    const late = failureOf(client.echo({}, { timeoutMs: 150 }));
    const patient = client.echo({ text: 'patient' }, { timeoutMs: 15_000 });
    expect(await late).toMatchObject({ code: Code.DeadlineExceeded });
    await using _second = await startUnderTest({ port });
    expect((await patient).text).toBe('patient');
  });
  it('interrupts a resumed stream without gap or repeat', async () => {
    let server = await startUnderTest();
    const port = server.http2Port;
    await using client = clientOf(port, { retry: false });
    const reconnections: number[] = [];
    // The test service counts from 0, so the cursor is added here.
    const open = (after: number | undefined, { signal }: { signal: AbortSignal }) =>
      shifted(client.produce({ count: 0, delayMs: 5 }, { signal }), (after ?? -1) + 1);
    const stream = resumeStream(open, {
      cursorOf: (value) => value,
      policy: { maxAttempts: 50, maxMs: 200 },
      onReconnect: ({ cursor }) => reconnections.push(cursor ?? -1),
    });
    const seen: number[] = [];
    for await (const value of stream) {
      seen.push(value);
      if (value === 10) {
        await server[Symbol.asyncDispose]();
        server = await startUnderTest({ port });
      }
      if (value >= 40) break;
    }
    expect(seen).toEqual(Array.from({ length: 41 }, (_, index) => index));
    expect(reconnections.length).toBeGreaterThan(0);
    await server[Symbol.asyncDispose]();
  });
});

describe('waitForReady', () => {
  it('rejects with UNAVAILABLE and the address when no server answers in time', async () => {
    const server = await startUnderTest();
    await server[Symbol.asyncDispose]();
    await using client = clientOf(server.http2Port);
    const error = await failureOf(client.transport.waitForReady({ timeoutMs: 200 }));
    expect(error).toMatchObject({ code: Code.Unavailable });
    expect(String(error)).toContain(`http://127.0.0.1:${server.http2Port}`);
  });
});

async function* shifted(source: AsyncIterable<Payload>, by: number): AsyncGenerator<number> {
  for await (const message of source) yield message.count + by;
}
