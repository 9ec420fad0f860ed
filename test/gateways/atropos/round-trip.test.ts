import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EVERY_KEY, group, startTestGateway } from './support.ts';

const absent = Object.fromEntries(EVERY_KEY.map((key) => [key, null]));
const finite = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e30, max: 1e30 });

/** Groups with everything that Atropos carries, in shapes that are regular and not. */
const scoredData = fc
  .array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 4 })
  .chain((lengths) => {
    const cube = <T>(one: fc.Arbitrary<T>) =>
      fc.tuple(...lengths.map((n) => fc.array(one, { minLength: n, maxLength: n })));
    const orNothing = <T>(all: fc.Arbitrary<T>) =>
      fc.oneof(all, fc.constant([]), fc.constant(null), fc.constant(undefined));
    const ids = cube(fc.integer({ min: 0, max: 2 ** 31 - 1 }));
    const k = fc.constantFrom(1, 3);
    return fc
      .record({
        tokens: ids,
        trained: cube(fc.boolean()),
        otherMasks: fc.option(cube(fc.integer({ min: -200, max: 50 }))),
        scores: fc.tuple(...lengths.map(() => finite)),
        advantages: orNothing(cube(finite)),
        ref_logprobs: orNothing(cube(fc.float({ noNaN: true, noDefaultInfinity: true }))),
        inference_logprobs: orNothing(
          cube(
            fc.oneof(fc.constant(1), fc.constant(0), fc.constant(-0.1), finite, fc.constant(null)),
          ),
        ),
        distill: fc.option(
          fc.oneof(
            k.chain((n) => cube(fc.array(finite, { minLength: n, maxLength: n }))),
            cube(fc.array(finite, { maxLength: 2 })),
          ),
        ),
        messages: orNothing(
          fc.tuple(
            ...lengths.map(() =>
              fc.array(
                fc.record({ role: fc.string(), content: fc.jsonValue(), more: fc.jsonValue() }),
                { maxLength: 2 },
              ),
            ),
          ),
        ),
        generation_params: fc.option(fc.dictionary(fc.string(), fc.jsonValue())),
        overrides: orNothing(
          fc.tuple(...lengths.map(() => fc.dictionary(fc.string(), fc.jsonValue()))),
        ),
        group_overrides: fc.option(fc.dictionary(fc.string(), fc.jsonValue())),
        images: fc.option(fc.jsonValue()),
        env_id: fc.option(fc.integer({ min: 0, max: 2 ** 53 - 1 })),
      })
      .map(({ trained, otherMasks, distill, ...data }) => ({
        ...data,
        masks:
          otherMasks ??
          data.tokens.map((row, i) => row.map((id, j) => (trained[i]?.[j] ? id : -100))),
        distill_logprobs: distill,
        distill_token_ids: distill?.map((rows) => rows.map((row) => row.map((_, at) => at))),
      }));
  });

test('whatever is pushed comes out equal', async () => {
  await using server = await startTestGateway({ limits: { maxEnvironments: 10_000 } });
  await server.begin(4);
  await fc.assert(
    fc.asyncProperty(scoredData, async (data) => {
      // As it is in JSON: undefined fields are absent.
      const pushed = JSON.parse(JSON.stringify(data));
      const answer = await server.push(pushed);
      expect(answer.body).toEqual({ status: 'received' });
      const latest = await server.ask('/latest_example');
      expect(latest.body).toEqual({ ...absent, ...pushed });
      await server.ask('/batch');
    }),
    { numRuns: 150 },
  );
});

test('numbers keep their Python spelling: whole floats stay floats, long integers their digits', async () => {
  await using server = await startTestGateway();
  await server.begin(1);
  const text = `{"tokens":[[1,2]],"masks":[[-100,2]],"scores":[1.0],"inference_logprobs":[[1.0,-2.0]],
    "generation_params": {"temperature": 1.0, "seed": 12345678901234567890},
    "overrides":[{"b":1,"a":1.50}], "images": {"x":"\\u00e9"}}`;
  await server.ask('/scored_data', { bytes: text });
  const answer = await server.ask('/batch');
  expect(answer.text).toContain('"scores":[1.0],');
  expect(answer.text).toContain('"inference_logprobs":[[1.0,-2.0]],');
  expect(answer.text).toContain('{"temperature": 1.0, "seed": 12345678901234567890}');
  expect(answer.text).toContain('"overrides":[{"b":1,"a":1.50}]');
  expect(answer.text).toContain('"images":{"x":"\\u00e9"}');
});

test('the +1.0 of untrained positions is made again and other fills are kept', async () => {
  await using server = await startTestGateway();
  await server.begin(2);
  const inference_logprobs = [
    [1, 1, -0.5, -0.25],
    [0.25, 0.5, -1, -2],
  ];
  await server.push(group(2, 7, { inference_logprobs }));
  const { batch } = (await server.ask('/batch')).body;
  expect(batch[0].inference_logprobs).toEqual(inference_logprobs);
});

test('spellings that pydantic takes are taken: numeric strings, whole floats, booleans', async () => {
  await using server = await startTestGateway();
  await server.begin(1);
  const bytes =
    '{"tokens":[["5",6.0,true]],"masks":[[-100," 6 ",1]],"scores":["0.5"],"env_id":"3"}';
  expect((await server.ask('/scored_data', { bytes })).body).toEqual({ status: 'received' });
  expect((await server.ask('/batch')).body.batch[0]).toMatchObject({
    tokens: [[5, 6, 1]],
    masks: [[-100, 6, 1]],
    scores: [0.5],
    env_id: 3,
  });
});
