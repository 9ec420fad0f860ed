import { Code, ConnectError } from '@connectrpc/connect';
import { describe, expect, it } from 'vitest';
import { createGrpcTransport, createRpcClient, startListener } from '../../src/transport/index.ts';
import { createProbe, kitRoutes } from './support/kit-routes.ts';
import { KitService, payload } from './support/kit-service.ts';

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const values: T[] = [];
  for await (const value of source) values.push(value);
  return values;
}

async function* from<T>(...values: T[]): AsyncGenerator<T> {
  yield* values;
}

async function start() {
  const probe = createProbe();
  const stack = new AsyncDisposableStack();
  const listener = stack.use(await startListener({ routes: kitRoutes(probe) }));
  const transport = stack.use(createGrpcTransport({ baseUrl: listener.address.url }));
  const client = createRpcClient(KitService, transport);
  return { probe, listener, transport, client, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

describe('grpc transport', () => {
  it('carries all four kinds of call', async () => {
    await using t = await start();
    expect((await t.client.echo({ text: 'hi' })).text).toBe('hi');
    const streamed = await collect(t.client.produce({ count: 3, size: 10 }));
    expect(streamed.map((m) => m.count)).toEqual([0, 1, 2]);
    const data = new Uint8Array(1000);
    const sum = await t.client.collect(from(payload({ data }), payload({ data })));
    expect([sum.count, sum.size]).toEqual([2, 2000]);
    const echoed = await collect(
      t.client.chat(from(payload({ text: 'a' }), payload({ text: 'b' }))),
    );
    expect(echoed.map((m) => m.text)).toEqual(['a', 'b']);
  });
  it('fails', async () => {
    await using t = await start();
    const error = await t.client.fail({ text: 'connect' }).catch(ConnectError.from);
    expect(error).toMatchObject({ code: Code.NotFound, rawMessage: 'no such thing' });
  });
});
