import { describe, expect, test } from 'vitest';
import { createLlamaCppEngine } from '../../../src/models/index.ts';
import { startLlamaCppFake } from '../../support/engines/llama-cpp-fake.ts';
import { engineContract, live, overFake, request } from './contract.ts';

engineContract('llama.cpp', { start: startLlamaCppFake, create: createLlamaCppEngine });
engineContract('llama.cpp, older logprobs', {
  start: () => startLlamaCppFake({ logprobsOnly: true }),
  create: createLlamaCppEngine,
});

describe('llama.cpp', () => {
  const held = overFake({ start: startLlamaCppFake, create: createLlamaCppEngine });

  test('turns off every sampler but the temperature', async () => {
    const sampling = { maxTokens: 8, temperature: 0.7, seed: 3 };
    await held.engine.generate(request({ sampling }), { signal: live });
    expect(held.fake.sampled[0]!.body).toMatchObject({
      samplers: ['temperature'],
      temperature: 0.7,
      top_k: 0,
      top_p: 1,
      min_p: 0,
      seed: 3,
      n_predict: 8,
      post_sampling_probs: true,
      return_tokens: true,
    });
  });

  test('filters that are asked for come in the chain', async () => {
    const sampling = { maxTokens: 8, topK: 20, topP: 0.9 };
    await held.engine.generate(request({ sampling }), { signal: live });
    expect(held.fake.sampled[0]!.body.samplers).toEqual(['top_k', 'top_p', 'temperature']);
  });

  test('reads its model and context', async () => {
    expect(await held.engine.describe()).toMatchObject({ model: 'org/model', contextLength: 512 });
  });

  test('a token within a character has no entry, and so no logprob', async () => {
    held.fake.fault({
      raw: JSON.stringify({
        tokens: [11, 12, 2],
        stop_type: 'eos',
        tokens_evaluated: 4,
        truncated: false,
        completion_probabilities: [
          { id: 12, prob: 0.5 },
          { id: 2, prob: 0.25 },
        ],
      }),
    });
    const { logprobs } = await held.engine.generate(request(), { signal: live });
    expect(logprobs![0]).toBeNaN();
    expect(logprobs![1]).toBeCloseTo(Math.log(0.5), 6);
  });

  test('an engine that goes on after a turn’s end is told on, with what it sampled', async () => {
    held.fake.script.ids = [11, 2, 12];
    const made = await held.engine.generate(request(), { signal: live });
    expect(made.amiss).toMatchObject({ reason: 'STOP_TOKEN_IGNORED', metadata: { id: '2' } });
    expect(made.tokenIds).toHaveLength(3);
  });

  test('a turn that fills the context is a length stop', async () => {
    held.fake.fault({
      raw: JSON.stringify({
        tokens: [11],
        truncated: true,
        stop_type: 'limit',
        tokens_evaluated: 4,
        completion_probabilities: [{ id: 11, prob: 0.5 }],
      }),
    });
    expect(await held.engine.generate(request(), { signal: live })).toMatchObject({
      finish: 'length',
      tokenIds: Int32Array.of(11),
    });
  });

  test('a prompt that was cut is not the one that was sent', async () => {
    held.fake.fault({ raw: JSON.stringify({ tokens: [11], truncated: true, stop_type: 'limit' }) });
    expect(await held.engine.generate(request(), { signal: live })).toMatchObject({
      tokenIds: Int32Array.of(11),
      amiss: { reason: 'PROMPT_NOT_VERBATIM' },
    });
  });
});

describe('llama.cpp, older logprobs', () => {
  const held = overFake({
    start: () => startLlamaCppFake({ logprobsOnly: true }),
    create: createLlamaCppEngine,
  });

  test('are of no use at another temperature, and say so by missing', async () => {
    const sampling = { maxTokens: 8, temperature: 0.5 };
    const made = await held.engine.generate(request({ sampling }), { signal: live });
    expect([...made.logprobs!].every(Number.isNaN)).toBe(true);
  });
});
