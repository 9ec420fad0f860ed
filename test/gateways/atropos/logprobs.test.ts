import { expect, test } from 'vitest';
import { createMemoryBroker } from '../../../src/broker/index.ts';
import { decodeGroup, decodeGroupHeader } from '../../../src/contract/index.ts';
import { createLogger, type LogRecord, MetricsRegistry } from '../../../src/telemetry/index.ts';
import { renderMetricsText } from '../../../src/telemetry/prometheus-text.ts';
import { startTestGateway } from './support.ts';

const { signal } = new AbortController();

/** A gateway that a test can look behind: its groups' rows, its counters, its log. */
async function startObserved(batchSize = 1) {
  const broker = createMemoryBroker();
  const metrics = new MetricsRegistry();
  const records: LogRecord[] = [];
  const logger = createLogger({ writer: (record) => void records.push(record) });
  const server = await startTestGateway({ broker, metrics, logger });
  await server.begin(batchSize);
  return {
    server,
    warnings: () => records.filter(({ level }) => level === 'warn').map(({ fields }) => fields),
    counters: () =>
      renderMetricsText(metrics)
        .split('\n')
        .filter((line) => line.startsWith('lachesis_atropos_rows_without_logprobs_total')),
    /** Of the rows of the group that was stored last. */
    lastRows: async () => {
      const all = await Array.fromAsync(broker.scanGroups('atropos', 0));
      const group = all.at(-1)?.group;
      if (group === undefined) throw new Error('nothing is stored');
      const header = decodeGroupHeader(await group.payload.header({ signal }));
      return decodeGroup(header, await group.payload.parts({ signal })).rows;
    },
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      await broker.close();
    },
  };
}

const pushed = (logprobs: string): string =>
  `{"tokens":[[1,2,3]],"masks":[[-100,2,3]],"scores":[1.0],"inference_logprobs":[${logprobs}]}`;

test.each([
  ['a fill at a trained token', '[1.0,1.0,-0.5]', 'above_zero'],
  ['another positive', '[1.0,-0.5,0.25]', 'above_zero'],
  ['more than a float32', '[1.0,1e300,-0.5]', 'above_zero'],
  ['NaN', '[1.0,NaN,-0.5]', 'not_finite'],
  ['an infinity', '[1.0,-0.5,-Infinity]', 'not_finite'],
  ['less than a float32', '[1.0,-0.5,-1e300]', 'not_finite'],
  ['null', '[1.0,null,-0.5]', 'null'],
])(
  '%s is taken; the row has no logprobs, and the trainer gets what was pushed',
  async (_, logprobs, reason) => {
    await using observed = await startObserved();
    const { server } = observed;
    const answer = await server.ask('/scored_data', { bytes: pushed(logprobs) });
    expect(answer.body).toEqual({ status: 'received' });
    const [row] = await observed.lastRows();
    expect(row?.logprobs).toBeUndefined();
    expect(observed.counters()).toEqual([
      `lachesis_atropos_rows_without_logprobs_total{reason="${reason}"} 1`,
    ]);
    expect(observed.warnings()).toEqual([{ environment: 'atropos', reason }]);
    const { text } = await server.ask('/batch');
    expect(text).toContain(`"inference_logprobs":[${logprobs.replace('e300', 'e+300')}]`);
  },
);

test('what an untrained token has is nobody else: the row keeps its logprobs', async () => {
  await using observed = await startObserved();
  const { server } = observed;
  for (const fill of ['NaN', 'null', 'Infinity', '-0.0', '1e+300', '0.0']) {
    const logprobs = `[${fill},-0.5,0.0]`;
    await server.ask('/scored_data', { bytes: pushed(logprobs) });
    const [row] = await observed.lastRows();
    expect([...(row?.logprobs ?? [])], fill).toEqual([-0.5, 0]);
    const { text } = await server.ask('/batch');
    expect(text).toContain(`"inference_logprobs":[${logprobs}]`);
  }
  expect(observed.counters()).toEqual([]);
});

test('one sequence without logprobs leaves the others theirs, and is told once for its environment', async () => {
  await using observed = await startObserved(2);
  const { server } = observed;
  const body = {
    tokens: [
      [1, 2],
      [1, 3],
    ],
    masks: [
      [-100, 2],
      [-100, 3],
    ],
    scores: [0, 1],
    inference_logprobs: [
      [1, -0.5],
      [1, 1],
    ],
  };
  for (let i = 0; i < 3; i++) await server.push(body);
  const rows = await observed.lastRows();
  expect(rows.map(({ logprobs }) => logprobs && [...logprobs])).toEqual([[-0.5], undefined]);
  const { batch } = (await server.ask('/batch')).body;
  expect(batch[0].inference_logprobs).toEqual(body.inference_logprobs);
  expect(observed.counters()).toEqual([
    'lachesis_atropos_rows_without_logprobs_total{reason="above_zero"} 3',
  ]);
  expect(observed.warnings()).toHaveLength(1);
});

test("spellings of Python's floats are taken too, and no other words", async () => {
  await using observed = await startObserved();
  const { server } = observed;
  const bytes = pushed('["-0.5","nan",true]');
  expect((await server.ask('/scored_data', { bytes })).status).toBe(200);
  expect((await server.ask('/batch')).text).toContain('"inference_logprobs":[[-0.5,NaN,1.0]]');
  const refused = await server.ask('/scored_data', { bytes: pushed('["low",-1,-1]') });
  expect([refused.status, refused.body.detail[0].loc.join('.')]).toEqual([
    422,
    'body.inference_logprobs.0.0',
  ]);
});
