import * as net from 'node:net';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { readKeptFields } from '../../../src/gateways/atropos/kept-fields.ts';
import { createLogger } from '../../../src/telemetry/index.ts';
import { environment, group, startTestGateway, trainer } from './support.ts';

const gzipped = { headers: { 'content-encoding': 'gzip' } };
const good = { tokens: [[1, 2, 3]], masks: [[-100, 2, 3]], scores: [1] };
const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
const withField = (name: string, json: string) =>
  `{"tokens":[[1,2,3]],"masks":[[-100,2,3]],"scores":[1],"${name}":${json}}`;

const refused: readonly [what: string, body: string, type: string, loc: string][] = [
  ['no object', '[]', 'model_attributes_type', 'body'],
  ['text', '"x"', 'model_attributes_type', 'body'],
  ['null', 'null', 'model_attributes_type', 'body'],
  ['half a JSON', '{"tokens": [[1', 'json_invalid', 'body'],
  ['no tokens', '{}', 'missing', 'body.tokens'],
  ['null tokens', withField('tokens', 'null'), 'list_type', 'body.tokens'],
  ['no sequence', withField('tokens', '[]'), 'length_mismatch', 'body.tokens'],
  ['an empty sequence', withField('tokens', '[[]]'), 'too_short', 'body.tokens.0'],
  ['a fraction', withField('tokens', '[[1,2.5,3]]'), 'int_from_float', 'body.tokens.0.1'],
  ['a negative id', withField('tokens', '[[1,-2,3]]'), 'out_of_range', 'body.tokens.0.1'],
  [
    'an id of 40 bits',
    withField('tokens', '[[1,2,1099511627776]]'),
    'out_of_range',
    'body.tokens.0.2',
  ],
  [
    'an id of 128 bits',
    withField('tokens', `[[${2n ** 127n},2,3]]`),
    'int_too_large',
    'body.tokens.0.0',
  ],
  ['words for ids', withField('tokens', '[["x",2,3]]'), 'int_parsing', 'body.tokens.0.0'],
  ['an object for an id', withField('tokens', '[[{},2,3]]'), 'int_type', 'body.tokens.0.0'],
  ['a mask too many', withField('masks', '[[1,2,3],[4]]'), 'length_mismatch', 'body.masks'],
  ['a short mask', withField('masks', '[[1,2]]'), 'length_mismatch', 'body.masks.0'],
  ['a score too few', withField('scores', '[]'), 'length_mismatch', 'body.scores'],
  ['NaN', withField('scores', '[NaN]'), 'finite_number', 'body.scores.0'],
  ['Infinity', withField('scores', '[-Infinity]'), 'finite_number', 'body.scores.0'],
  ['1e999', withField('scores', '[1e999]'), 'finite_number', 'body.scores.0'],
  ['"nan"', withField('scores', '["nan"]'), 'finite_number', 'body.scores.0'],
  ['words for a score', withField('scores', '["high"]'), 'float_parsing', 'body.scores.0'],
  ['null for a score', withField('scores', '[null]'), 'float_type', 'body.scores.0'],
  ['NaN for a token', withField('tokens', '[[NaN,2,3]]'), 'finite_number', 'body.tokens.0.0'],
  [
    'NaN for an advantage',
    withField('advantages', '[[1.0,NaN,-1]]'),
    'finite_number',
    'body.advantages.0.1',
  ],
  [
    'an object for a logprob',
    withField('inference_logprobs', '[[1.0,{},-1]]'),
    'float_type',
    'body.inference_logprobs.0.1',
  ],
  [
    'a logprob too few',
    withField('inference_logprobs', '[[1.0,-1]]'),
    'length_mismatch',
    'body.inference_logprobs.0',
  ],
  [
    'more than a float32',
    withField('ref_logprobs', '[[1.0,-1,1e300]]'),
    'out_of_range',
    'body.ref_logprobs.0.2',
  ],
  [
    'advantages of other sequences',
    withField('advantages', '[[1,1,1],[1]]'),
    'length_mismatch',
    'body.advantages',
  ],
  [
    'a distill half',
    withField('distill_token_ids', '[[[1],[2],[3]]]'),
    'length_mismatch',
    'body.distill_logprobs',
  ],
  [
    'distill positions',
    withField('distill_token_ids', '[[[1]]]'),
    'length_mismatch',
    'body.distill_token_ids.0',
  ],
  [
    'NaN in an override',
    withField('overrides', '[{"a":[NaN]}]'),
    'finite_number',
    'body.overrides.0.a.0',
  ],
  ['overrides too many', withField('overrides', '[{},{}]'), 'length_mismatch', 'body.overrides'],
  ['an override that is none', withField('overrides', '[3]'), 'dict_type', 'body.overrides.0'],
  [
    'parameters that are none',
    withField('generation_params', '[]'),
    'dict_type',
    'body.generation_params',
  ],
  [
    'a message without role',
    withField('messages', '[[{"content":""}]]'),
    'value_error',
    'body.messages',
  ],
  ['a negative environment', withField('env_id', '-1'), 'greater_than_equal', 'body.env_id'],
  ['a huge environment', withField('env_id', `${2n ** 64n}`), 'int_too_large', 'body.env_id'],
  ['deep images', withField('images', nested(1_000)), 'too_deep', 'body.images'],
  ['very deep images', withField('images', nested(900_000)), 'too_deep', 'body.images'],
  ['deep tokens', withField('tokens', nested(100_000)), 'int_type', 'body.tokens.0.0'],
];

test('what is wrong in a pushed group is refused with its place, and nothing is stored', async () => {
  await using server = await startTestGateway();
  await server.begin(4);
  for (const [what, bytes, type, loc] of refused) {
    const { status, body } = await server.ask('/scored_data', { bytes });
    const [first] = body.detail;
    expect([what, status, first.type, first.loc.join('.')]).toEqual([what, 422, type, loc]);
    expect(first.msg, what).toEqual(expect.any(String));
    const inList = await server.ask('/scored_data_list', { bytes: `[${bytes}]` });
    if (type === 'json_invalid') continue;
    const place = loc === 'body' ? 'body.0' : loc.replace('body.', 'body.0.');
    expect([what, inList.status, inList.body.detail[0].loc.join('.')]).toEqual([what, 422, place]);
  }
  expect((await server.ask('/status')).body.queue_size).toBe(0);
  expect((await server.push(good)).body).toEqual({ status: 'received' });
});

test('wrong fields of the other routes are refused with their place', async () => {
  await using server = await startTestGateway();
  const place = async (path: string, body: unknown) => {
    const answer = await server.ask(path, { body });
    return [answer.status, answer.body.detail?.[0].loc.join('.')];
  };
  const without = ({ batch_size: _, ...rest }: typeof trainer) => rest;
  expect(await place('/register', without(trainer))).toEqual([422, 'body.batch_size']);
  for (const batch_size of [0, -1, null, 1.5, 'x', 2 ** 40]) {
    expect(await place('/register', { ...trainer, batch_size })).toEqual([422, 'body.batch_size']);
  }
  expect(await place('/register', { ...trainer, wandb_group: null })).toEqual([
    422,
    'body.wandb_group',
  ]);
  expect(await place('/register-env', { ...environment, desired_name: null })).toEqual([
    422,
    'body.desired_name',
  ]);
  expect(await place('/register-env', { ...environment, min_batch_allocation: 5 })).toEqual([
    422,
    'body.min_batch_allocation',
  ]);
  expect(await place('/disconnect-env', { env_id: 'x' })).toEqual([422, 'body.env_id']);
  expect(await place('/status-env', { env_id: -1 })).toEqual([422, 'body.env_id']);
  expect((await server.ask('/info')).body.batch_size).toBe(-1);
});

test('a negative id never means the newest environment', async () => {
  await using server = await startTestGateway();
  await server.begin(4);
  await server.register();
  const other = await server.register('other', { weight: 3 });
  expect((await server.ask('/disconnect-env', { body: { env_id: -1 } })).body.status).toBe(
    'failure',
  );
  expect((await server.ask(`/status-env?env_id=${other}`)).body.env_weight).toBe(0.75);
});

test('gzip that is broken, cut short or a bomb is refused by its size', async () => {
  await using server = await startTestGateway({ limits: { maxBodyBytes: 4 * 2 ** 20 } });
  await server.begin(4);
  const whole = gzipSync(JSON.stringify(group(2)));
  const push = (bytes: Uint8Array) => server.ask('/scored_data', { bytes, ...gzipped });
  for (const bytes of [Buffer.from('no gzip'), whole.subarray(0, -9), whole.subarray(0, 12)]) {
    const answer = await push(bytes);
    expect([answer.status, answer.text]).toEqual([400, 'Invalid gzip payload']);
  }
  const bomb = gzipSync(Buffer.alloc(10 * 2 ** 20));
  expect(bomb.length).toBeLessThan(20_000);
  expect((await push(bomb)).status).toBe(413);
  const plain = Buffer.alloc(5 * 2 ** 20, ' ');
  expect((await server.ask('/scored_data', { bytes: plain })).status).toBe(413);
  expect((await push(whole)).body).toEqual({ status: 'received' });
  expect((await push(Buffer.alloc(0))).status).toBe(422);
});

test('ten megabytes of zeros are read and are no JSON', async () => {
  await using server = await startTestGateway();
  const bytes = gzipSync(Buffer.alloc(10 * 2 ** 20));
  expect((await server.ask('/scored_data', { bytes, ...gzipped })).status).toBe(422);
  const text = await server.ask('/scored_data', { bytes: Uint8Array.of(0x22, 0xff, 0x22) });
  expect(text).toMatchObject({
    status: 400,
    body: { detail: 'There was an error parsing the body' },
  });
});

test('bodies in flight are bounded together', async () => {
  await using server = await startTestGateway({ limits: { maxBufferedBytes: 100 } });
  const answer = await server.push(group(4));
  expect([answer.status, answer.headers['retry-after']]).toEqual([503, '1']);
  expect((await server.ask('/scored_data', { bytes: '{}' })).status).toBe(422);
});

test('a body that is declared too large is refused before it comes', async () => {
  await using server = await startTestGateway();
  const socket = net.connect(server.gateway.port, '127.0.0.1');
  socket.on('error', () => {});
  const answer = new Promise<string>((resolve) => {
    socket.once('data', (chunk: Buffer) => resolve(chunk.toString()));
  });
  const head =
    'POST /scored_data HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1073741824\r\n\r\n';
  socket.write(`${head}{"tokens":`);
  expect(await answer).toMatch(/^HTTP\/1\.1 413 /);
  socket.destroy();
});

test('a body of many parts, and one of many sequences, is refused before it fills the memory', async () => {
  await using server = await startTestGateway({
    limits: { maxBodyParts: 40, maxPushSequences: 3 },
  });
  await server.begin(4);
  const many = (count: number, text: string): string => Array(count).fill(text).join(',');
  const parts = { lists: many(60, '[]'), objects: many(60, '{}'), keys: `{${many(60, '"a":1')}}` };
  for (const [what, text] of Object.entries(parts)) {
    const answer = await server.ask('/scored_data', { bytes: withField('images', `[${text}]`) });
    expect([what, answer.status]).toEqual([what, 413]);
  }
  const inText = withField('images', JSON.stringify('[{"a\\": '.repeat(60)));
  expect((await server.ask('/scored_data', { bytes: inText })).status).toBe(200);
  expect((await server.push(group(4))).status).toBe(413);
  expect((await server.ask('/scored_data_list', { body: [1, 2, 3, 4] })).status).toBe(413);
  expect((await server.push(group(3))).status).toBe(200);
});

test('a client that goes away in the middle of its body is no fault of the server', async () => {
  const levels: string[] = [];
  const logger = createLogger({ writer: ({ level }) => void levels.push(level) });
  await using server = await startTestGateway({ logger });
  const socket = net.connect(server.gateway.port, '127.0.0.1');
  socket.write('POST /scored_data HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99\r\n\r\n{"tok');
  await server.ask('/status');
  socket.resetAndDestroy();
  await expect.poll(() => levels).toContain('info');
  expect(levels).not.toContain('error');
});

test('weights as large as floats are leave everyone a number', async () => {
  await using server = await startTestGateway();
  await server.begin(4);
  const more = { weight: 1e308, max_token_length: 2 ** 53 - 1 };
  const ids = [
    await server.register('a', more),
    await server.register('b', more),
    await server.register('c', { max_token_length: -5, weight: -3 }),
  ];
  const weights = [];
  for (const id of ids)
    weights.push((await server.ask(`/status-env?env_id=${id}`)).body.env_weight);
  expect(weights).toEqual([0.5, 0.5, 0.01]);
});

test('what another producer calls kept fields spoils no batch', () => {
  const good = { env_id: 3, given: {}, fills: {}, logprobs: {}, masks: {}, text: {} };
  expect(readKeptFields(JSON.stringify(good))?.envId).toBe(3);
  const wrong = [
    { given: { advantages: 'yes' } },
    { given: 3 },
    { fills: { 0: 'x' } },
    { fills: { 0: [{}] } },
    { masks: { 0: '-100' } },
    { masks: { 0: [[]] } },
    { logprobs: { 0: '}' } },
    { logprobs: { 0: '[1,"x"]' } },
    { logprobs: { 0: [1] } },
    { text: [] },
  ];
  for (const each of wrong) {
    expect(readKeptFields(JSON.stringify({ ...good, ...each })), JSON.stringify(each)).toBe(
      undefined,
    );
  }
  expect(readKeptFields('{')).toBeUndefined();
});
