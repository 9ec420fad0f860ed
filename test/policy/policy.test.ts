import { describe, expect, test } from 'vitest';
import type { EmbeddedPolicyOptions, TrainRow } from '../../src/policy/index.ts';
import { createEmbeddedPolicy, specialId } from '../../src/policy/index.ts';
import { tinyCheckpoint, tinyTokenizer } from './tiny.ts';

const promptIds = tinyTokenizer.encode('Count the lamp ');

function tinyPolicy(options: Partial<EmbeddedPolicyOptions> = {}) {
  return createEmbeddedPolicy({ checkpoint: tinyCheckpoint(), seed: 1, ...options });
}

/** A request that only ends by its length. */
const endless = { promptIds, maxTokens: 4000, stopTokenIds: [] };

async function sampledRow(policy: ReturnType<typeof tinyPolicy>, advantage = 1): Promise<TrainRow> {
  const { ids, logprobs } = await policy.generate({ promptIds, maxTokens: 10, stopTokenIds: [] });
  return {
    tokenIds: Int32Array.from([...promptIds, ...ids]),
    trained: Uint8Array.from([...promptIds.map(() => 0), ...ids.map(() => 1)]),
    ...{ logprobs, advantage },
  };
}

describe('generate', () => {
  test('the same seed gives the same response, whatever runs beside it', async () => {
    using policy = tinyPolicy();
    const request = { promptIds, maxTokens: 30, seed: 5, stopTokenIds: [] };
    const alone = await policy.generate(request);
    const crowd = Array.from({ length: 20 }, (_, i) => policy.generate({ ...request, seed: i }));
    expect((await Promise.all(crowd))[5]).toEqual(alone);
  });

  test('without seeds, the policy seed decides all responses in order', async () => {
    const run = async () => {
      using policy = tinyPolicy({ seed: 9 });
      const made = [1, 2, 3].map(() => policy.generate({ promptIds, maxTokens: 8 }));
      return (await Promise.all(made)).map(({ ids }) => [...ids]);
    };
    const first = await run();
    expect(first).toEqual(await run());
    expect(first[0]).not.toEqual(first[1]);
  });

  test('a stop token ends it and is kept; length ends it otherwise', async () => {
    using policy = tinyPolicy();
    const full = await policy.generate({ promptIds, maxTokens: 12, seed: 3, stopTokenIds: [] });
    expect(full).toMatchObject({ finishReason: 'length', version: 0 });
    expect(full.ids).toHaveLength(12);
    const stopTokenId = full.ids[5]!;
    const stopped = await policy.generate({ promptIds, seed: 3, stopTokenIds: [stopTokenId] });
    expect(stopped).toMatchObject({ finishReason: 'stop', stopTokenId });
    expect(stopped.ids).toEqual(full.ids.subarray(0, full.ids.indexOf(stopTokenId) + 1));
  });

  test('score gives the log probabilities that generate gave', async () => {
    using policy = tinyPolicy();
    const { ids, logprobs } = await policy.generate({ promptIds, maxTokens: 20, temperature: 0.7 });
    const whole = Int32Array.from([...promptIds, ...ids]);
    const scored = await policy.score(whole, { temperature: 0.7 });
    expect(scored.logprobs.subarray(promptIds.length)).toEqual(logprobs);
    expect(scored.version).toBe(0);
  });

  test('slices arrive as they are sampled and add up to the response', async () => {
    using policy = tinyPolicy({ scheduler: { sliceTokens: 4 } });
    const slices: number[][] = [];
    const request = { promptIds, maxTokens: 10, stopTokenIds: [] };
    const { ids } = await policy.generate(request, {
      onSlice: (slice) => slices.push([...slice.ids]),
    });
    expect(slices.map((slice) => slice.length)).toEqual([4, 4, 2]);
    expect(slices.flat()).toEqual([...ids]);
  });

  test('an error thrown by a listener rejects that response only', async () => {
    using policy = tinyPolicy();
    const bad = policy.generate(endless, {
      onSlice: () => {
        throw new Error('listener');
      },
    });
    const good = policy.generate({ promptIds, maxTokens: 5 });
    await expect(bad).rejects.toThrow('listener');
    expect((await good).finishReason).not.toBe('abort');
  });

  test('top log probabilities come with each token when asked for', async () => {
    using policy = tinyPolicy();
    const result = await policy.generate({
      promptIds,
      maxTokens: 3,
      temperature: 0,
      topLogprobs: 2,
    });
    expect(result.topLogprobs).toHaveLength(result.ids.length);
    expect(result.topLogprobs[0]![0]).toMatchObject({ id: result.ids[0] });
  });

  test('an abort ends it within 100 ms, with the tokens so far, in a crowd too', async () => {
    using policy = tinyPolicy();
    const abort = new AbortController();
    const { promise: begun, resolve } = Promise.withResolvers<void>();
    const result = policy.generate(endless, { signal: abort.signal, onSlice: () => resolve() });
    const crowd = Array.from({ length: 100 }, () => policy.generate(endless));
    await begun;
    await new Promise((wake) => setTimeout(wake, 20));
    const firedAt = performance.now();
    setTimeout(() => abort.abort(), 0);
    const { finishReason, ids, logprobs } = await result;
    expect(performance.now() - firedAt).toBeLessThan(100);
    expect(finishReason).toBe('abort');
    expect(ids.length).toBeGreaterThan(0);
    expect(logprobs).toHaveLength(ids.length);
    policy[Symbol.dispose]();
    await Promise.all(crowd);
  });

  test('an abort before it begins gives no tokens', async () => {
    using policy = tinyPolicy();
    const result = await policy.generate(endless, { signal: AbortSignal.abort() });
    expect(result).toMatchObject({ finishReason: 'abort', ids: new Int32Array() });
  });

  test('no more than maxActive run at once, and no more than maxQueued wait', async () => {
    const policy = tinyPolicy({ scheduler: { maxActive: 2, maxQueued: 3 } });
    const queued = [1, 2, 3].map(() => policy.generate(endless));
    await expect(policy.generate(endless)).rejects.toMatchObject({ reason: 'POLICY_QUEUE_FULL' });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(policy.describe()).toMatchObject({ activeGenerations: 2, waitingGenerations: 1 });
    policy[Symbol.dispose]();
    const reasons = (await Promise.all(queued)).map(({ finishReason }) => finishReason);
    expect(reasons).toEqual(['abort', 'abort', 'abort']);
    await expect(policy.generate(endless)).rejects.toMatchObject({ reason: 'POLICY_CLOSED' });
  });

  test.each([
    ['an empty prompt', { promptIds: new Int32Array() }, /promptIds: is empty/],
    ['an unknown id', { promptIds: Int32Array.of(1, 9999) }, /promptIds\[1\]: 9999/],
    ['a negative id', { promptIds: Int32Array.of(-1) }, /promptIds\[0\]/],
    ['a full context', { promptIds: new Int32Array(4096) }, /leave no room/],
    ['no tokens', { promptIds, maxTokens: 0 }, /maxTokens/],
    ['a bad seed', { promptIds, seed: 0.5 }, /seed/],
  ])('%s is refused', async (_name, request, message) => {
    using policy = tinyPolicy();
    await expect(policy.generate(request)).rejects.toThrow(message);
  });
});

describe('trainStep', () => {
  test('on policy, the ratio is 1; the step makes the rewarded response likelier', async () => {
    using policy = tinyPolicy();
    const row = await sampledRow(policy);
    const before = (await policy.score(row.tokenIds)).logprobs.slice(promptIds.length);
    const result = await policy.trainStep([row], { learningRate: 1e-2 });
    expect(result).toMatchObject({ version: 1, applied: true, trainedTokens: 10, clipFraction: 0 });
    expect(result.maxRatioDeviation).toBeLessThan(1e-6);
    expect(result.meanKl).toBeLessThan(1e-6);
    expect(result.gradNorm).toBeGreaterThan(0);
    const after = (await policy.score(row.tokenIds)).logprobs.slice(promptIds.length);
    const sum = (values: Float32Array) => values.reduce((a, b) => a + b, 0);
    expect(sum(after)).toBeGreaterThan(sum(before));
  });

  test('a token, mask or order mistake shows as a ratio far from 1', async () => {
    using policy = tinyPolicy();
    const row = await sampledRow(policy);
    const shifted = { ...row, logprobs: row.logprobs!.toReversed() };
    expect((await policy.trainStep([shifted])).maxRatioDeviation).toBeGreaterThan(1e-2);
  });

  test('the temperature of sampling is the temperature of the ratio', async () => {
    using policy = tinyPolicy();
    const request = { promptIds, maxTokens: 10, temperature: 0.6, stopTokenIds: [] };
    const { ids, logprobs } = await policy.generate(request);
    const row = {
      tokenIds: Int32Array.from([...promptIds, ...ids]),
      trained: Uint8Array.from([...promptIds.map(() => 0), ...ids.map(() => 1)]),
      ...{ logprobs, advantage: 1 },
    };
    const right = await policy.trainStep([row], { temperature: 0.6 });
    expect(right.maxRatioDeviation).toBeLessThan(1e-5);
  });

  test('with updates off it measures and changes nothing', async () => {
    using policy = tinyPolicy({ updatesEnabled: false });
    const before = policy.getWeights();
    const result = await policy.trainStep([await sampledRow(policy)]);
    expect(result).toMatchObject({ version: 0, applied: false });
    expect(policy.getWeights()).toEqual(before);
    await expect(policy.updateWeights(before.bytes, 1)).rejects.toThrow(/updates are off/);
  });

  test('a response begun before a step stays on its version; the next one moves on', async () => {
    using policy = tinyPolicy({ scheduler: { sliceTokens: 1 } });
    const row = await sampledRow(policy);
    const request = { promptIds, maxTokens: 200, seed: 4, stopTokenIds: [] };
    const untouched = await policy.generate(request);
    let started = () => {};
    const begun = new Promise<void>((resolve) => {
      started = resolve;
    });
    const during = policy.generate(request, { onSlice: started });
    await begun;
    await policy.trainStep([row], { learningRate: 0.5 });
    expect(await during).toEqual(untouched);
    const later = await policy.generate(request);
    expect(later.version).toBe(1);
    expect(later.ids).not.toEqual(untouched.ids);
    expect(await policy.generate({ ...request, version: 0 })).toEqual(untouched);
  });

  test('an abort leaves everything as it was, and a second step may follow', async () => {
    using policy = tinyPolicy({ scheduler: { tickBudgetMs: 0 } });
    const rows = Array.from({ length: 200 }, () => sampledRow(policy));
    const abort = new AbortController();
    const step = policy.trainStep(await Promise.all(rows), { signal: abort.signal });
    await expect(policy.trainStep(await Promise.all(rows))).rejects.toMatchObject({
      reason: 'STEP_IN_PROGRESS',
    });
    abort.abort(new Error('enough'));
    await expect(step).rejects.toThrow('enough');
    expect(policy.version).toBe(0);
    expect((await policy.trainStep([await rows[0]!])).version).toBe(1);
  });

  test('expectedVersion makes a repeated step harmless', async () => {
    using policy = tinyPolicy();
    const row = await sampledRow(policy);
    await policy.trainStep([row], { expectedVersion: 0 });
    const again = policy.trainStep([row], { expectedVersion: 0 });
    await expect(again).rejects.toMatchObject({ reason: 'VERSION_MISMATCH' });
  });

  test('sft needs no log probabilities and lowers the loss', async () => {
    using policy = tinyPolicy();
    const tokenIds = tinyTokenizer.encode('the lamp is the lamp');
    const trained = Uint8Array.from(tokenIds, (_, i) => (i === 0 ? 0 : 1));
    const losses: number[] = [];
    for (let i = 0; i < 30; i++) {
      const row = { tokenIds, trained, advantage: 1 };
      losses.push((await policy.trainStep([row], { loss: 'sft', learningRate: 1e-2 })).loss);
    }
    expect(losses.at(-1)).toBeLessThan(losses[0]! / 2);
  });

  test.each<[string, Partial<TrainRow>, RegExp]>([
    [
      'a mask of another length',
      { trained: Uint8Array.of(0, 1) },
      /rows\[0\]\.trained: expected 3/,
    ],
    ['a trained first token', { trained: Uint8Array.of(1, 1, 1) }, /rows\[0\]\.trained\[0\]/],
    ['a mark of 2', { trained: Uint8Array.of(0, 2, 0) }, /rows\[0\]\.trained\[1\]/],
    [
      'a missing log probability',
      { logprobs: Float32Array.of(-1) },
      /rows\[0\]\.logprobs: expected/,
    ],
    ['a NaN', { logprobs: Float32Array.of(-1, Number.NaN) }, /rows\[0\]\.logprobs\[1\]: NaN/],
    ['an infinite advantage', { advantage: Infinity }, /rows\[0\]\.advantage: Infinity/],
    ['a short advantage', { advantage: Float32Array.of(1) }, /rows\[0\]\.advantage: expected/],
    ['an unknown id', { tokenIds: Int32Array.of(1, 2, 5000) }, /rows\[0\]\.tokenIds\[2\]: 5000/],
    ['nothing trained', { trained: new Uint8Array(3), logprobs: new Float32Array() }, /nothing/],
  ])('%s is refused by name', async (_name, wrong, message) => {
    using policy = tinyPolicy();
    const right = {
      tokenIds: Int32Array.of(1, 2, 3),
      trained: Uint8Array.of(0, 1, 1),
      logprobs: Float32Array.of(-1, -1),
      advantage: 1,
    };
    await expect(policy.trainStep([{ ...right, ...wrong }])).rejects.toThrow(message);
    expect(policy.version).toBe(0);
  });
});

describe('weights', () => {
  test('published weights make another policy answer alike', async () => {
    using source = tinyPolicy();
    await source.trainStep([await sampledRow(source)]);
    using copy = tinyPolicy({ checkpoint: tinyCheckpoint(5) });
    const { bytes, version, tensors } = source.getWeights();
    await copy.updateWeights(bytes, version + 6);
    expect(copy.version).toBe(7);
    expect(tensors.at(-1)!.offset * 4).toBeLessThan(bytes.length);
    const request = { promptIds, maxTokens: 20, seed: 1 };
    expect((await copy.generate(request)).ids).toEqual((await source.generate(request)).ids);
  });

  test('a version that is not newer is refused', async () => {
    using policy = tinyPolicy({ version: 3 });
    const { bytes } = policy.getWeights();
    await expect(policy.updateWeights(bytes, 3)).rejects.toThrow(/Publish 4 or higher/);
  });

  test('only the last versions can be pinned', async () => {
    using policy = tinyPolicy({ keepVersions: 2 });
    const { bytes } = policy.getWeights();
    await policy.updateWeights(bytes, 1);
    await policy.updateWeights(bytes, 2);
    await expect(policy.generate({ promptIds, version: 0 })).rejects.toMatchObject({
      reason: 'VERSION_NOT_HELD',
    });
    expect((await policy.generate({ promptIds, version: 1, maxTokens: 1 })).version).toBe(1);
  });
});

describe('pause', () => {
  const request = { promptIds, maxTokens: 60, seed: 2, stopTokenIds: [] };

  /** Resolves when the response has begun. */
  function begin(policy: ReturnType<typeof tinyPolicy>, signal?: AbortSignal) {
    const { promise: begun, resolve } = Promise.withResolvers<void>();
    const options = { onSlice: () => resolve(), ...(signal === undefined ? {} : { signal }) };
    return { begun, result: policy.generate(request, options) };
  }

  const slow = { scheduler: { sliceTokens: 1, tickBudgetMs: 0 } };

  test('drain finishes what has begun and holds what has not', async () => {
    using policy = tinyPolicy(slow);
    const { begun, result } = begin(policy);
    await begun;
    const drained = policy.pause('drain');
    const later = policy.generate(request);
    await drained;
    expect((await result).finishReason).toBe('length');
    expect(policy.describe()).toMatchObject({ paused: true, waitingGenerations: 1 });
    policy.resume();
    expect((await later).ids).toEqual((await result).ids);
  });

  test('abort ends what has begun with its tokens', async () => {
    using policy = tinyPolicy(slow);
    const { begun, result } = begin(policy);
    await begun;
    await policy.pause('abort');
    const { finishReason, ids } = await result;
    expect(finishReason).toBe('abort');
    expect(ids.length).toBeGreaterThan(0);
  });

  test('keep freezes what has begun; it goes on later on its own version', async () => {
    using policy = tinyPolicy(slow);
    const whole = await policy.generate(request);
    const { begun, result } = begin(policy);
    await begun;
    await policy.pause('keep');
    await policy.updateWeights(tinyPolicy({ checkpoint: tinyCheckpoint(8) }).getWeights().bytes, 1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(policy.describe().activeGenerations).toBe(1);
    policy.resume();
    expect(await result).toEqual(whole);
    expect((await policy.generate(request)).version).toBe(1);
  });

  test('a frozen response can still be aborted', async () => {
    using policy = tinyPolicy(slow);
    const abort = new AbortController();
    const { begun, result } = begin(policy, abort.signal);
    await begun;
    await policy.pause('keep');
    abort.abort();
    expect((await result).finishReason).toBe('abort');
  });

  test('a drain ends by its signal, or when someone resumes', async () => {
    using policy = tinyPolicy(slow);
    const { begun, result } = begin(policy);
    await begun;
    const abort = new AbortController();
    const first = policy.pause('drain', { signal: abort.signal });
    abort.abort(new Error('too slow'));
    await expect(first).rejects.toThrow('too slow');
    const second = policy.pause('drain');
    policy.resume();
    await expect(second).rejects.toMatchObject({ reason: 'DRAIN_INTERRUPTED' });
    expect((await result).finishReason).toBe('length');
  });
});

test('describe says what a client must know', () => {
  using policy = tinyPolicy();
  expect(policy.describe()).toMatchObject({
    name: 'tiny',
    version: 0,
    vocabularySize: tinyTokenizer.vocabularySize,
    contextTokens: 4096,
    tokenizerFingerprint: tinyTokenizer.fingerprint,
    updatesEnabled: true,
    paused: false,
  });
  expect(policy.tokenizer.decode([specialId('<|im_end|>')])).toBe('<|im_end|>');
});
