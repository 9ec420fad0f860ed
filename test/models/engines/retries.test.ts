import { expect, test } from 'vitest';
import { LachesisError } from '../../../src/errors.ts';
import { cutOff, unreached } from '../../../src/models/engines/http-errors.ts';
import { JsonHttp } from '../../../src/models/engines/json-http.ts';
import { Retries } from '../../../src/models/engines/retries.ts';
import { startFakeServer } from '../../support/engines/fake-server.ts';
import { live } from './contract.ts';

const down = () => unreached('vLLM', 'http://x', new Error('ECONNREFUSED'));
const atOnce = {
  now: () => 0,
  schedule(_: number, run: () => void) {
    run();
    return () => {};
  },
};

test('an engine that is down is not asked three times as often for ever', async () => {
  const retries = new Retries({ perCall: 2, share: 0.1, burst: 4 }, atOnce);
  let attempts = 0;
  for (let call = 0; call < 100; call++) {
    await retries
      .run(live, async () => {
        attempts += 1;
        throw down();
      })
      .catch(() => {});
  }
  // 100 calls, 4 saved up, and a tenth of the calls.
  expect(attempts).toBeGreaterThanOrEqual(110);
  expect(attempts).toBeLessThanOrEqual(114);
});

test('a call whose answer began is never repeated', async () => {
  let attempts = 0;
  await expect(
    new Retries({}, atOnce).run(live, async () => {
      attempts += 1;
      throw cutOff('vLLM', 10, undefined);
    }),
  ).rejects.toBeInstanceOf(LachesisError);
  expect(attempts).toBe(1);
});

test('a signal that fires ends the pause, with its reason', async () => {
  const controller = new AbortController();
  const call = new Retries({ pauseMs: 60_000, maxPauseMs: 60_000 }).run(
    controller.signal,
    async () => {
      throw down();
    },
  );
  await new Promise((resolve) => setImmediate(resolve));
  controller.abort(new Error('enough'));
  await expect(call).rejects.toThrow('enough');
});

test('calls beyond the connections wait, and beyond that are refused', async () => {
  await using fake = await startFakeServer([
    { route: 'POST /a', samples: true, reply: () => ({ ok: true }) },
  ]);
  const http = new JsonHttp({ name: 'x', url: fake.url, maxConnections: 1, maxWaiting: 1 });
  fake.fault({ hang: true });
  const controller = new AbortController();
  const ask = (signal: AbortSignal) => http.call({ method: 'POST', path: '/a', body: {}, signal });
  const first = ask(controller.signal);
  const second = ask(live);
  await expect(ask(live)).rejects.toMatchObject({
    kind: 'resource_exhausted',
    reason: 'ENGINE_QUEUE_FULL',
  });
  await expect.poll(() => fake.sampled.length).toBe(1);
  controller.abort(new Error('enough'));
  await expect(first).rejects.toThrow('enough');
  expect(await second).toEqual({ ok: true });
  http.close();
});

test('connections are used again', async () => {
  await using fake = await startFakeServer([{ route: 'POST /a', reply: () => ({ ok: true }) }]);
  const http = new JsonHttp({ name: 'x', url: `${fake.url}/`, maxConnections: 1 });
  for (let i = 0; i < 3; i++) {
    expect(await http.call({ method: 'POST', path: '/a', body: {}, signal: live })).toEqual({
      ok: true,
    });
  }
  expect(fake.connections()).toBe(1);
  http.close();
});
