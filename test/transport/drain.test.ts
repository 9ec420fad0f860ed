import { setTimeout as sleep } from 'node:timers/promises';
import { Code } from '@connectrpc/connect';
import { describe, expect, it } from 'vitest';
import { collect, eventually, failureOf, startKit } from './support/start-kit.ts';

describe('drain', () => {
  it('lets short calls finish, then ends long calls and streams with UNAVAILABLE', async () => {
    await using kit = await startKit();
    const short = kit.client.wait({ delayMs: 150, text: 'short' });
    const long = failureOf(kit.client.wait({ delayMs: 30_000 }));
    const deaf = failureOf(kit.client.wait({ delayMs: 3_000, text: 'deaf' }));
    const stream = failureOf(collect(kit.client.produce({ count: 0, delayMs: 20 })));
    const idle = failureOf(collect(kit.client.produce({ count: 2, delayMs: 30_000 })));
    await eventually(() => kit.probe.calls === 5);

    const startedMs = performance.now();
    await kit.listener.drain(400);
    const tookMs = performance.now() - startedMs;

    expect((await short).text).toBe('short');
    const shutdown = { code: Code.Unavailable, rawMessage: 'server is shutting down' };
    expect(await long).toMatchObject(shutdown);
    expect(await deaf).toMatchObject(shutdown);
    expect(await stream).toMatchObject(shutdown);
    expect(await idle).toMatchObject(shutdown);
    expect(tookMs).toBeGreaterThan(390);
    expect(tookMs).toBeLessThan(2_900);
  });
  it('is over at once when nothing runs, with idle connections of both HTTP versions open', async () => {
    await using kit = await startKit();
    await kit.client.echo({});
    const url = `${kit.listener.address.url}/lachesis.kit.v1.KitService/Echo`;
    const headers = { 'content-type': 'application/json' };
    await (await fetch(url, { method: 'POST', headers, body: '{}' })).text();
    expect(kit.listener.stats().connections).toBe(2);
    const startedMs = performance.now();
    await kit.listener.drain(5_000);
    expect(performance.now() - startedMs).toBeLessThan(2_500);
    expect(kit.listener.stats()).toEqual({
      connections: 0,
      http2Sessions: 0,
      http2Streams: 0,
      exchanges: 0,
    });
  });
  it('refuses calls that begin after it began', async () => {
    await using kit = await startKit();
    const long = failureOf(kit.client.wait({ delayMs: 30_000 }));
    await eventually(() => kit.probe.calls === 1);
    const drained = kit.listener.drain(300);
    await sleep(50);
    expect(await failureOf(kit.client.echo({}))).toMatchObject({ code: Code.Unavailable });
    await drained;
    await long;
    expect(kit.probe.calls).toBe(1);
  });
  it('is cut short by its signal', async () => {
    await using kit = await startKit();
    const long = failureOf(kit.client.wait({ delayMs: 30_000 }));
    await eventually(() => kit.probe.calls === 1);
    const controller = new AbortController();
    const drained = kit.listener.drain(60_000, { signal: controller.signal });
    controller.abort();
    await drained;
    expect(await long).toMatchObject({ code: Code.Unavailable });
  });
  it('happens once, however often it is asked for', async () => {
    await using kit = await startKit();
    await Promise.all([kit.listener.drain(0), kit.listener.close(), kit.listener.drain(1_000)]);
    expect(kit.listener.shutdownSignal.aborted).toBe(true);
  });
  it('frees its port', async () => {
    await using kit = await startKit();
    const { port } = kit.listener.address;
    await kit.listener.close();
    await using again = await startKit({ listener: { port } });
    expect(again.listener.address.port).toBe(port);
  });
});

describe('bind', () => {
  it('rejects when the port is taken', async () => {
    await using kit = await startKit();
    const taken = startKit({ listener: { port: kit.listener.address.port } });
    expect(await failureOf(taken)).toMatchObject({ code: 'EADDRINUSE' });
  });
});
