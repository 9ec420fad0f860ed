import { Code, ConnectError } from '@connectrpc/connect';
import { describe, expect, it } from 'vitest';
import {
  createLogger,
  type LogRecord,
  MetricsRegistry,
  renderMetricsText,
} from '../../src/telemetry/index.ts';
import { endOnAbort } from '../../src/transport/interceptors/abort.ts';
import { payload } from './support/kit-service.ts';
import { collect, eventually, failureOf, startKit } from './support/start-kit.ts';

function recorder(level: 'debug' | 'error' = 'debug') {
  const records: LogRecord[] = [];
  return {
    records,
    logger: createLogger({ level, writer: (record) => void records.push(record) }),
  };
}

describe('the default deadline', () => {
  it('ends a unary call whose client set none, whether or not its handler listens', async () => {
    await using kit = await startKit({
      listener: { timeouts: { unaryMs: 80 } },
      transport: { unaryTimeoutMs: 0 },
    });
    for (const text of ['', 'deaf']) {
      const error = await failureOf(kit.client.wait({ delayMs: 3_000, text }));
      expect(error).toMatchObject({ code: Code.DeadlineExceeded });
      expect(String(error)).toContain("80 ms, this server's default");
    }
    // The first handler listened, and learned why.
    expect(kit.probe.aborts).toMatchObject([{ code: Code.DeadlineExceeded }]);
  });
  it("leaves a client's own deadline and streams alone", async () => {
    await using kit = await startKit({ listener: { timeouts: { unaryMs: 50 } } });
    await kit.client.wait({ delayMs: 150 }, { timeoutMs: 5_000 });
    expect(await collect(kit.client.produce({ count: 4, delayMs: 40 }))).toHaveLength(4);
  });
});

describe('errors', () => {
  it('of streams are mapped and logged like those of unary calls', async () => {
    const { records, logger } = recorder('error');
    await using kit = await startKit({
      listener: {
        logger,
        interceptors: [
          (next) => async (request) => {
            const response = await next(request);
            if (!response.stream) return response;
            async function* broken() {
              yield payload({});
              throw new Error('secret');
            }
            return { ...response, message: broken() };
          },
        ],
      },
    });
    const error = (await failureOf(collect(kit.client.produce({ count: 1 })))) as ConnectError;
    expect(error.code).toBe(Code.Internal);
    const reference = /reference ([0-9a-f]{8})/.exec(error.rawMessage)?.[1];
    expect(records).toMatchObject([
      {
        message: 'handler failed',
        fields: { reference, rpc: 'lachesis.kit.v1.KitService/Produce' },
      },
    ]);
    expect(records[0]?.fields['error']).toMatchObject({ message: 'secret' });
  });
  it('that a client may see are not logged as errors', async () => {
    const { records, logger } = recorder('error');
    await using kit = await startKit({ listener: { logger } });
    await failureOf(kit.client.fail({ text: 'lachesis' }));
    await failureOf(kit.client.fail({ text: 'connect' }));
    expect(records).toEqual([]);
  });
});

describe('observation', () => {
  it('counts, times and logs each call by its code', async () => {
    const { records, logger } = recorder();
    const metrics = new MetricsRegistry();
    await using kit = await startKit({ listener: { logger, metrics } });
    await kit.client.echo({});
    await failureOf(kit.client.fail({ text: 'throw' }));
    await collect(kit.client.produce({ count: 3 }));
    for await (const _ of kit.client.produce({ count: 0, delayMs: 5 })) break;
    await eventually(() => kit.probe.finished === 2);
    await eventually(() => renderMetricsText(metrics).includes('code="canceled"'));

    const text = renderMetricsText(metrics);
    const service = 'service="lachesis.kit.v1.KitService"';
    expect(text).toContain(`lachesis_rpc_calls_total{${service},method="Echo",code="ok"} 1`);
    expect(text).toContain(`lachesis_rpc_calls_total{${service},method="Fail",code="internal"} 1`);
    expect(text).toContain(`lachesis_rpc_calls_total{${service},method="Produce",code="ok"} 1`);
    expect(text).toContain(
      `lachesis_rpc_calls_total{${service},method="Produce",code="canceled"} 1`,
    );
    expect(text).toContain(`lachesis_rpc_active{${service},method="Produce"} 0`);
    expect(text).toContain(`lachesis_rpc_duration_seconds_count{${service},method="Echo"} 1`);
    const lines = records.filter((record) => record.message === 'rpc');
    expect(lines.map((line) => [line.level, line.fields['code']])).toEqual([
      ['debug', 'ok'],
      ['warn', 'internal'],
      ['debug', 'ok'],
      ['debug', 'canceled'],
    ]);
  });
});

describe('endOnAbort', () => {
  it('ends a stream that waits for something else, and gives its source up', async () => {
    let closed = false;
    const never = new Promise<void>((resolve) => setTimeout(resolve, 300));
    async function* source() {
      try {
        yield 1;
        await never;
        yield 2;
      } finally {
        closed = true;
      }
    }
    const controller = new AbortController();
    const iterator = endOnAbort(source(), controller.signal)[Symbol.asyncIterator]();
    expect(await iterator.next()).toEqual({ done: false, value: 1 });
    const next = failureOf(iterator.next());
    const reason = new ConnectError('shut', Code.Unavailable);
    controller.abort(reason);
    expect(await next).toBe(reason);
    await eventually(() => closed);
  });
});
