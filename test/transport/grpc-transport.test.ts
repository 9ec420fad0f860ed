import { setTimeout as sleep } from 'node:timers/promises';
import { Code, ConnectError, type Interceptor } from '@connectrpc/connect';
import { describe, expect, it } from 'vitest';
import { createGrpcTransport, createRpcClient } from '../../src/transport/index.ts';
import { KitService, payload, TestDetailSchema } from './support/kit-service.ts';
import { collect, eventually, failureOf, from, startKit } from './support/start-kit.ts';

const MIB = 1_048_576;

describe('calls', () => {
  it('of all four kinds carry their messages', async () => {
    await using kit = await startKit();
    expect((await kit.client.echo({ text: 'hi' })).text).toBe('hi');
    const streamed = await collect(kit.client.produce({ count: 3, size: 10 }));
    expect(streamed.map((message) => message.count)).toEqual([0, 1, 2]);
    const data = new Uint8Array(1_000);
    const sum = await kit.client.collect(from(payload({ data }), payload({ data })));
    expect([sum.count, sum.size]).toEqual([2, 2_000]);
    const echoed = await collect(kit.client.chat(from({ text: 'a' }, { text: 'b' })));
    expect(echoed.map((message) => message.text)).toEqual(['a', 'b']);
    expect(kit.transport.activeCalls).toBe(0);
  });
  it('carry 5 MB both ways', async () => {
    await using kit = await startKit();
    const data = new Uint8Array(5 * MIB).fill(7);
    const echoed = (await kit.client.echo({ data })).data;
    expect(echoed.constructor).toBe(Uint8Array);
    expect(Buffer.compare(echoed, data)).toBe(0);
  });
  it('larger than maxReceiveBytes or maxSendBytes end with RESOURCE_EXHAUSTED', async () => {
    await using kit = await startKit({
      transport: { maxReceiveBytes: MIB, maxSendBytes: MIB },
    });
    const code = Code.ResourceExhausted;
    const call = collect(kit.client.produce({ count: 1, size: 2 * MIB }));
    expect(await failureOf(call)).toMatchObject({ code });
    const sent = kit.client.echo({ data: new Uint8Array(2 * MIB) });
    expect(await failureOf(sent)).toMatchObject({ code });
    expect((await kit.client.echo({ text: 'fine' })).text).toBe('fine');
  });
  it('carry headers and trailers, binary ones too', async () => {
    await using kit = await startKit();
    let seen: Headers | undefined;
    const spy: Interceptor = (next) => async (request) => {
      request.header.set('x-bytes-bin', 'AAEC');
      const response = await next(request);
      seen = response.header;
      return response;
    };
    const transport = createGrpcTransport({
      baseUrl: kit.listener.address.url,
      interceptors: [spy],
    });
    await createRpcClient(KitService, transport).echo({});
    expect(seen?.get('content-type')).toBe('application/grpc+proto');
    await transport[Symbol.asyncDispose]();
  });
  it('send a token that is asked for each time', async () => {
    const tokens: (string | undefined)[] = [];
    let count = 0;
    await using kit = await startKit({
      listener: {
        authorize: ({ headers }) => {
          tokens.push(headers.authorization);
          return { ok: true };
        },
      },
      transport: { token: () => (count++ === 0 ? undefined : `t${count}`) },
    });
    await kit.client.echo({});
    await kit.client.echo({});
    expect(tokens).toEqual([undefined, 'Bearer t2']);
  });
});

describe('a token source that hangs', () => {
  it('costs a call no more than its deadline', async () => {
    await using kit = await startKit({ transport: { token: () => new Promise(() => {}) } });
    const call = kit.client.echo({}, { timeoutMs: 50 });
    expect(await failureOf(call)).toMatchObject({ code: Code.DeadlineExceeded });
  });
});

describe('errors', () => {
  it('keep code, message and metadata', async () => {
    await using kit = await startKit();
    const error = await failureOf(kit.client.fail({ text: 'connect' }));
    expect(error).toMatchObject({ code: Code.NotFound, rawMessage: 'no such thing' });
    expect((error as ConnectError).metadata.get('x-hint')).toBe('look elsewhere');
  });
  it('bring typed details, and a message with any characters', async () => {
    await using kit = await startKit({
      listener: {
        errorDetails: (error) => [
          {
            desc: TestDetailSchema,
            value: { reason: error.reason, remedy: error.remedy ?? '' },
          },
        ],
      },
    });
    const error = (await failureOf(kit.client.fail({ text: 'lachesis' }))) as ConnectError;
    expect(error.code).toBe(Code.FailedPrecondition);
    expect(error.rawMessage).toBe('the run is closed. Open a new run: 100% free/easy.');
    const [detail] = error.findDetails(TestDetailSchema);
    expect(detail).toMatchObject({
      reason: 'RUN_CLOSED',
      remedy: 'Open a new run: 100% free/easy.',
    });
  });
  it('decode a message without details too', async () => {
    await using kit = await startKit();
    const error = (await failureOf(kit.client.fail({ text: 'lachesis' }))) as ConnectError;
    expect(error.rawMessage).toBe('the run is closed. Open a new run: 100% free/easy.');
  });
});

describe('deadlines and cancels', () => {
  it('a deadline ends the call and reaches the handler', async () => {
    await using kit = await startKit();
    const call = kit.client.wait({ delayMs: 10_000 }, { timeoutMs: 100 });
    expect(await failureOf(call)).toMatchObject({ code: Code.DeadlineExceeded });
    await eventually(() => kit.probe.aborts.length === 1);
    const [reason] = kit.probe.aborts as [ConnectError];
    // Whichever comes first at the server: its own clock or the client's reset.
    expect([Code.DeadlineExceeded, Code.Canceled]).toContain(reason.code);
  });
  it('an abort ends the call as canceled and reaches the handler', async () => {
    await using kit = await startKit();
    const controller = new AbortController();
    const call = failureOf(kit.client.wait({ delayMs: 10_000 }, { signal: controller.signal }));
    await eventually(() => kit.probe.calls === 1);
    controller.abort();
    expect(await call).toMatchObject({ code: Code.Canceled });
    await eventually(() => kit.probe.aborts.length === 1);
    expect(kit.probe.aborts[0]).toMatchObject({ code: Code.Canceled });
  });
  it('an abort with a ConnectError as reason keeps that error', async () => {
    await using kit = await startKit();
    const controller = new AbortController();
    const call = failureOf(kit.client.wait({ delayMs: 10_000 }, { signal: controller.signal }));
    await eventually(() => kit.probe.calls === 1);
    controller.abort(new ConnectError('the lease is gone', Code.Aborted));
    expect(await call).toMatchObject({ code: Code.Aborted, rawMessage: 'the lease is gone' });
  });
  it('break out of a server stream cancels it on the server', async () => {
    await using kit = await startKit();
    for await (const message of kit.client.produce({ count: 0, size: 10, delayMs: 5 })) {
      if (message.count === 2) break;
    }
    await eventually(() => kit.probe.finished === 1);
    const { produced } = kit.probe;
    await sleep(50);
    expect(kit.probe.produced).toBe(produced);
    expect(kit.transport.activeCalls).toBe(0);
  });
  it('break out of a bidi stream cancels it on the server and closes the source', async () => {
    await using kit = await startKit();
    let sourceClosed = false;
    async function* source() {
      try {
        for (let count = 0; ; count += 1) {
          yield { count };
          await sleep(5);
        }
      } finally {
        sourceClosed = true;
      }
    }
    for await (const message of kit.client.chat(source())) if (message.count === 2) break;
    await eventually(() => kit.probe.finished === 1 && sourceClosed);
  });
  it('an upload whose source throws fails with that error', async () => {
    await using kit = await startKit();
    async function* source() {
      yield {};
      throw new ConnectError('no more rows', Code.DataLoss);
    }
    const error = await failureOf(kit.client.collect(source()));
    expect(error).toMatchObject({ code: Code.DataLoss, rawMessage: 'no more rows' });
  });
  it('leaves no listener on a signal that outlives its calls', async () => {
    await using kit = await startKit();
    const { signal } = new AbortController();
    const counted = countListeners(signal);
    for (let index = 0; index < 5; index += 1) {
      await kit.client.echo({}, { signal });
      await collect(kit.client.produce({ count: 1 }, { signal }));
      for await (const _ of kit.client.produce({ count: 0 }, { signal })) break;
    }
    expect(counted()).toBe(0);
  });
  it('disposing the transport ends its calls', async () => {
    await using kit = await startKit();
    const call = failureOf(kit.client.wait({ delayMs: 10_000 }));
    await eventually(() => kit.probe.calls === 1);
    await kit.transport[Symbol.asyncDispose]();
    expect(await call).toMatchObject({ code: Code.Canceled });
  });
});

describe('backpressure', () => {
  it('a reader that stops stops the producer', async () => {
    await using kit = await startKit();
    const size = 65_536;
    const reader = kit.client.produce({ count: 0, size })[Symbol.asyncIterator]();
    await reader.next();
    expect(await settled(() => kit.probe.produced)).toBeLessThan(20);
    await reader.return?.();
  });
  it('a handler that stops reading stops the uploader', async () => {
    await using kit = await startKit();
    const data = new Uint8Array(65_536);
    let sent = 0;
    const controller = new AbortController();
    async function* source() {
      for (;;) {
        sent += 1;
        yield { data, text: 'stuck' };
      }
    }
    const call = failureOf(kit.client.collect(source(), { signal: controller.signal }));
    await settled(() => sent);
    // The stream window of 1 MiB, a quarter of that in the channel, and what is being written.
    expect(sent * data.byteLength).toBeLessThan(2 * MIB);
    controller.abort();
    await call;
  });
});

/** The value once it has stopped changing; it must have begun to. */
async function settled(read: () => number): Promise<number> {
  let last = 0;
  for (let same = 0, tries = 0; same < 4 && tries < 200; tries += 1) {
    await sleep(50);
    same = read() === last && last > 0 ? same + 1 : 0;
    last = read();
  }
  return last;
}

/** Counts what is added to and removed from a signal by wrapping it. */
function countListeners(signal: AbortSignal): () => number {
  let count = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  const live = new Set<unknown>();
  signal.addEventListener = (...args: Parameters<AbortSignal['addEventListener']>) => {
    if (!live.has(args[1])) count += 1;
    live.add(args[1]);
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<AbortSignal['removeEventListener']>) => {
    if (live.delete(args[1])) count -= 1;
    remove(...args);
  };
  return () => count;
}
