import { describe, expect, test } from 'vitest';
import { createTrlEngine } from '../../../src/models/index.ts';
import { startTrlFake } from '../../support/engines/trl-fake.ts';
import { engineContract, live, overFake, request } from './contract.ts';

engineContract('TRL', { start: startTrlFake, create: createTrlEngine });

describe('TRL', () => {
  const held = overFake({ start: startTrlFake, create: createTrlEngine });

  test('sends ids and names every filter', async () => {
    await held.engine.generate(request(), { signal: live });
    expect(held.fake.sampled[0]!.body).toMatchObject({
      prompts: [[5, 6, 7, 8]],
      n: 1,
      top_k: -1,
      max_tokens: 8,
      generation_kwargs: { stop_token_ids: [2] },
    });
  });

  test('the sampled id’s logprob is found by its id', async () => {
    held.fake.fault({
      raw: JSON.stringify({
        prompt_ids: [[5, 6, 7, 8]],
        completion_ids: [[11, 2]],
        logprobs: [
          [
            [-0.1, -2],
            [-0.2, -3],
          ],
        ],
        logprob_token_ids: [
          [
            [40, 11],
            [2, 41],
          ],
        ],
      }),
    });
    const { logprobs } = await held.engine.generate(request(), { signal: live });
    expect(logprobs).toEqual(Float32Array.of(-2, -0.2));
  });

  test('scores ids, with the likeliest at each position', async () => {
    const ids = Int32Array.of(5, 6, 7);
    const scored = await held.engine.score!(ids, { signal: live });
    expect([...scored].map((value) => value.toFixed(2))).toEqual(['-0.10', '-0.20']);
    const top = await held.engine.scoreTopK!(ids, { k: 2, signal: live });
    expect([...top.topIds]).toEqual([7, 6, 8, 7]);
    expect([...top.logprobs].map((value) => value.toFixed(2))).toEqual(['-0.10', '-0.20']);
  });
});
