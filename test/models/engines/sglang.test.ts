import { describe, expect, test } from 'vitest';
import { createSglangEngine } from '../../../src/models/index.ts';
import { startSglangFake } from '../../support/engines/sglang-fake.ts';
import { engineContract, live, overFake, request } from './contract.ts';

engineContract('SGLang', { start: startSglangFake, create: createSglangEngine });
engineContract('SGLang without output_ids', {
  start: () => startSglangFake({ outputIds: false }),
  create: createSglangEngine,
});

describe('SGLang', () => {
  const held = overFake({ start: startSglangFake, create: createSglangEngine });

  test('asks for the logprobs of the output alone, and names every filter', async () => {
    await held.engine.generate(request({ sessionKey: 'rollout-9' }), { signal: live });
    expect(held.fake.sampled[0]!.body).toEqual({
      rid: 'r/0',
      input_ids: [5, 6, 7, 8],
      sampling_params: {
        temperature: 1,
        top_p: 1,
        top_k: -1,
        min_p: 0,
        repetition_penalty: 1,
        max_new_tokens: 8,
        stop_token_ids: [2],
        skip_special_tokens: false,
        spaces_between_special_tokens: false,
        no_stop_trim: true,
        n: 1,
      },
      return_logprob: true,
      logprob_start_len: -1,
      return_text_in_logprobs: false,
      stream: false,
      routing_key: 'rollout-9',
    });
  });

  test('versions come as runs, or as one of all, and a label is none', async () => {
    expect((await held.engine.generate(request(), { signal: live })).versions).toEqual([]);
    held.fake.script.versions = [
      { version: '3', start: 0, end: 1 },
      { version: '4', start: 1, end: 3 },
    ];
    expect((await held.engine.generate(request(), { signal: live })).versions).toEqual([
      { length: 1, version: 3 },
      { length: 2, version: 4 },
    ]);
    expect(await held.engine.describe()).toMatchObject({ model: 'org/model', policyVersion: 7 });
  });

  test('an engine-side abort is one', async () => {
    held.fake.script.finish = 'abort';
    expect((await held.engine.generate(request(), { signal: live })).finish).toBe('abort');
  });

  test('scores ids, with the likeliest at each position', async () => {
    const ids = Int32Array.of(5, 6, 7);
    const scored = await held.engine.score!(ids, { signal: live });
    expect([...scored].map((value) => value.toFixed(2))).toEqual(['-0.10', '-0.20']);
    const top = await held.engine.scoreTopK!(ids, { k: 2, signal: live });
    expect([...top.topIds]).toEqual([7, 6, 8, 7]);
    expect(top.topLogprobs[2]).toBeCloseTo(-0.1, 6);
  });
});
