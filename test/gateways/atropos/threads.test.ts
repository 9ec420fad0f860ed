import { randomUUID } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { setEnvironmentData } from 'node:worker_threads';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { createMemoryBroker } from '../../../src/broker/index.ts';
import { LachesisError } from '../../../src/errors.ts';
import { resolveAtroposOptions } from '../../../src/gateways/atropos/gateway-options.ts';
import { GroupWork } from '../../../src/gateways/atropos/group-work.ts';
import { packError, unpackError } from '../../../src/gateways/atropos/threads/thrown-error.ts';
import { group, startTestGateway, trainer } from './support.ts';

const everyField = group(2, 7, {
  advantages: [
    [0.1, -0.25, 1, 0],
    [0, 0, 3, 1e-7],
  ],
  ref_logprobs: [],
  inference_logprobs: [
    [1, 1, -0.5, -0.1],
    [1, 1, null, -1],
  ],
  messages: [
    [{ role: 'user', content: 'Größe', extra: [1.0] }],
    [{ role: 'assistant', content: null, __proto__: null }],
  ],
  generation_params: { temperature: 0.7 },
  overrides: [{ set_advantage_to_zero: true }, {}],
  images: { a: [[]] },
  distill_token_ids: [
    [[1], [2], [3], [4]],
    [[5], [6], [7], [8]],
  ],
  distill_logprobs: [
    [[-1], [-0.2], [0], [-4]],
    [[-5], [-6], [-7], [-8]],
  ],
});
/** Everything goes through threads. */
const inThreads = { maxInlineBytes: 0 };

const HELD = new URL('./fixtures/held-thread.ts', import.meta.url);

/** What threads of {@link HELD} wait for, before their first job. */
function newGate(): Disposable & { open(): void } {
  const file = path.join(tmpdir(), `lachesis-gate-${randomUUID()}`);
  setEnvironmentData('gate', file);
  return {
    open: () => writeFileSync(file, ''),
    [Symbol.dispose]: () => rmSync(file, { force: true }),
  };
}

function limits(changes: object = {}) {
  return resolveAtroposOptions({ broker: createMemoryBroker(), limits: changes }).limits;
}

test('a group that goes through threads comes out as one that does not, to the byte', async () => {
  const texts = [];
  for (const maxInlineBytes of [Infinity, 0]) {
    await using server = await startTestGateway({ limits: { maxInlineBytes } });
    await server.begin(2);
    const bytes = JSON.stringify(everyField).replace('-0.5', 'NaN').replace('1e-7', '0.10000');
    expect((await server.ask('/scored_data', { bytes })).body).toEqual({ status: 'received' });
    const example = await server.ask('/latest_example');
    texts.push({ batch: (await server.ask('/batch')).text, example: example.text });
    expect(example.headers['content-length']).toBe(String(example.text.length + 2));
  }
  expect(texts[0]?.batch).toContain('NaN');
  expect(texts[1]).toEqual(texts[0]);
});

test('what is wrong in a body is told in the same words by a thread', async () => {
  await using inline = await startTestGateway({ limits: { maxInlineBytes: Infinity } });
  await using threads = await startTestGateway({ limits: inThreads });
  const wrong: readonly [path: string, bytes: string | Uint8Array][] = [
    ['/scored_data', '{"tokens": [[1'],
    ['/scored_data', '{"tokens": [[1.5]]}'],
    ['/scored_data', Uint8Array.of(0x22, 0xff, 0x22)],
    ['/scored_data_list', JSON.stringify([everyField, { ...everyField, scores: ['x', 1] }])],
    ['/scored_data_list', JSON.stringify(Array(70_000).fill(1))],
    ['/scored_data_list', '{}'],
  ];
  for (const [route, bytes] of wrong) {
    const [one, other] = await Promise.all(
      [inline, threads].map((server) => server.ask(route, { bytes })),
    );
    expect(one?.status).toBeGreaterThanOrEqual(400);
    expect([other?.status, other?.text]).toEqual([one?.status, one?.text]);
  }
});

test('while a large body is parsed, turns of the event loop go on and small bodies are read', async () => {
  using gate = newGate();
  await using work = new GroupWork(limits({ maxInlineBytes: 1_000 }), HELD);
  const { signal } = new AbortController();
  const read = (value: object) =>
    work.read(Buffer.from(JSON.stringify(value)), 'one', limits(), signal);
  let isRead = false;
  const large = read(group(2, 7, { images: 'x'.repeat(2_000) })).then((body) => {
    isRead = true;
    return body;
  });
  for (let turns = 0; turns < 100; turns++) await turn();
  expect((await read(group(1))).groups).toHaveLength(1);
  expect(isRead).toBe(false);
  gate.open();
  expect((await large).groups[0]?.sequences).toBe(2);
});

test('a body that is given up leaves its place when its thread is done with it, and those that wait at once', async () => {
  using gate = newGate();
  await using work = new GroupWork(limits({ ...inThreads, maxThreads: 1 }), HELD);
  const read = (signal: AbortSignal) =>
    work.read(Buffer.from(JSON.stringify(group(1))), 'one', limits(), signal);
  const [running, waiting] = [new AbortController(), new AbortController()];
  const all = [running.signal, waiting.signal, new AbortController().signal].map(read);
  running.abort(new Error('gone'));
  waiting.abort(new Error('gone too'));
  await expect(all[0]).rejects.toThrow('gone');
  await expect(all[1]).rejects.toThrow('gone too');
  gate.open();
  expect((await all[2])?.groups).toHaveLength(1);
});

test('what takes too long ends its thread, and closing ends them all', async () => {
  using _gate = newGate();
  const { signal } = new AbortController();
  const read = (work: GroupWork) =>
    work.read(Buffer.from(JSON.stringify(group(1))), 'one', limits(), signal);
  await using hasty = new GroupWork(limits({ ...inThreads, threadTimeoutMs: 20 }), HELD);
  await expect(read(hasty)).rejects.toMatchObject({ reason: 'BODY_TIMEOUT' });
  await expect(read(hasty)).rejects.toMatchObject({ reason: 'BODY_TIMEOUT' });
  const closed = new GroupWork(limits(inThreads), HELD);
  const pending = expect(read(closed)).rejects.toMatchObject({ reason: 'SHUTTING_DOWN' });
  await turn();
  await closed[Symbol.asyncDispose]();
  await pending;
  await expect(read(closed)).rejects.toMatchObject({ reason: 'SHUTTING_DOWN' });
});

test('a body that fills a thread’s memory is refused with 413, and the next is read', async () => {
  await using server = await startTestGateway({ limits: { maxThreadMb: 64, maxThreads: 1 } });
  await server.begin(1);
  const large = (count: number) => group(1, 7, { images: Array(count).fill({ a: [1], b: {} }) });
  const bytes = gzipSync(JSON.stringify(large(300_000)));
  const headers = { 'content-encoding': 'gzip' };
  const answer = await server.ask('/scored_data', { bytes, headers });
  expect([answer.status, answer.body.detail]).toEqual([413, expect.stringContaining('64 MB')]);
  expect((await server.push(large(20_000))).body).toEqual({ status: 'received' });
  expect((await server.ask('/status')).body.queue_size).toBe(1);
});

test('groups that came before their run are stored through threads too', async () => {
  await using server = await startTestGateway({ limits: inThreads });
  expect((await server.push(everyField)).status).toBe(200);
  await server.ask('/register', { body: { ...trainer, batch_size: 2 } });
  const { batch } = (await server.ask('/batch')).body;
  expect(batch[0]).toMatchObject(JSON.parse(JSON.stringify(everyField)));
});

test('an error crosses a thread with its fields', () => {
  const error = new LachesisError('resource_exhausted', 'No room.', {
    reason: 'FULL',
    remedy: 'Wait.',
    field: 'body',
    metadata: { at: '3' },
    retryAfterMs: 7,
  });
  const crossed = unpackError(structuredClone(packError(error)));
  expect(crossed).toMatchObject({ ...error, message: 'No room. Wait.' });
  expect(unpackError(packError(new TypeError('x'))).message).toBe('x');
});
