import { Code } from '@connectrpc/connect';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lachesisErrorOf, type Row } from '../../src/client/index.ts';
import { LachesisError } from '../../src/errors.ts';
import { createEmbeddedPolicy, type EmbeddedPolicy } from '../../src/policy/index.ts';
import { tinyCheckpoint } from '../policy/tiny.ts';
import { type ServedForTest, serveForTest } from '../support/serve.ts';

let policy: EmbeddedPolicy;
let served: ServedForTest;

beforeAll(async () => {
  policy = createEmbeddedPolicy({ checkpoint: tinyCheckpoint() });
  served = await serveForTest({ policy });
});
afterAll(async () => {
  await served[Symbol.asyncDispose]();
  policy[Symbol.dispose]();
});

const PROMPT = Int32Array.from([104, 105, 32]);
const sampling = { maxTokens: 12, seed: 5, stopTokenIds: [] };

async function sampledRow(id: string): Promise<Row> {
  const { tokenIds, logprobs, policyVersion } = await served.client.policy.generate(PROMPT, {
    sampling,
  });
  return {
    id,
    rolloutId: id,
    segmentId: '0',
    agent: '',
    tokenIds: Int32Array.from([...PROMPT, ...tokenIds]),
    logprobs,
    spans: [
      { length: PROMPT.length, origin: 'prompt', loss: 'not_sampled' },
      { length: tokenIds.length, origin: 'sampled', loss: 'trained', callIndex: 0 },
    ],
    policyVersions: [{ length: tokenIds.length, announcedVersion: policyVersion }],
    columns: [],
  };
}

describe('the policy over the wire', () => {
  test('is described, all of its vocabulary included', async () => {
    const description = await served.client.policy.describe();
    expect(description).toMatchObject({
      vocabularySize: policy.tokenizer.vocabularySize,
      losses: ['grpo', 'reinforce', 'cross_entropy'],
      trainable: true,
      paused: false,
    });
    expect(description.vocabulary).toHaveLength(description.vocabularySize);
    expect(description.rendering?.tokenizerSha256).toMatch(/^[0-9a-f]{64}$/);
  });

  test('generates what it generates in process, token by token, and scores it alike', async () => {
    const here = await policy.generate({ promptIds: PROMPT, ...sampling });
    const there = await served.client.policy.generate(PROMPT, { sampling });
    expect(there.tokenIds).toEqual(here.ids);
    expect(there.logprobs).toEqual(here.logprobs);
    expect(there.finishReason).toBe('length');
    const whole = Int32Array.from([...PROMPT, ...there.tokenIds]);
    const { logprobs } = await served.client.policy.score(whole);
    expect(logprobs).toHaveLength(whole.length - 1);
    for (const [index, logprob] of there.logprobs.entries()) {
      expect(logprobs[PROMPT.length - 1 + index]).toBeCloseTo(logprob, 4);
    }
  });

  test('stops sampling when its reader leaves', async () => {
    for await (const piece of served.client.policy.stream(PROMPT, {
      sampling: { ...sampling, maxTokens: 3_000 },
    })) {
      expect(piece.finishReason).toBe('');
      break;
    }
    await expect.poll(() => policy.describe().activeGenerations).toBe(0);
  });

  test('trains once per step id, on policy to a millionth', async () => {
    const rows = [await sampledRow('a'), await sampledRow('b')];
    const before = policy.version;
    const step = { stepId: 'step-1', loss: 'grpo', expectedVersion: before };
    const train = () =>
      served.client.policy.trainStep(
        rows.map((row, index) => ({ row, advantage: index === 0 ? 1 : -0.5 })),
        step,
      );
    const first = await train();
    expect(first).toMatchObject({ policyVersion: before + 1, trainedTokens: 24 });
    expect(first.maxRatioDeviation).toBeLessThan(1e-5);
    expect(await train()).toEqual(first);
    expect(policy.version).toBe(before + 1);
  });

  test('refuses a step that makes no sense, by field, and stays as it was', async () => {
    const row = await sampledRow('c');
    const { version } = policy;
    const refused = async (rows: Row[], more: object) =>
      served.client.policy
        .trainStep(
          rows.map((each) => ({ row: each, advantage: 1 })),
          { stepId: 'bad', loss: 'grpo', ...more },
        )
        .catch(lachesisErrorOf);
    expect(await refused([row], { loss: 'ppo' })).toMatchObject({ field: 'open.loss' });
    expect(await refused([row], { lossSettings: { clip: 1 } })).toMatchObject({
      field: 'open.loss_settings[clip]',
    });
    expect(await refused([], {})).toMatchObject({ field: 'rows' });
    expect(await refused([{ ...row, logprobs: row.logprobs?.slice(1) }], {})).toMatchObject({
      kind: 'invalid_input',
      field: expect.stringContaining('rows[0].row'),
    });
    expect(await refused([row], { expectedVersion: 99 })).toMatchObject({
      kind: 'failed_precondition',
    });
    expect(policy.version).toBe(version);
  });

  test('names a wrong field as the caller spelled it', async () => {
    const { policy: client } = served.client;
    const outside = Int32Array.from([1, 100_000]);
    const fieldOf = async (work: Promise<unknown>): Promise<unknown> => {
      const error = await work.catch(lachesisErrorOf);
      return error instanceof LachesisError ? error.field : error;
    };
    expect(await fieldOf(client.generate(outside, { sampling }))).toBe('prompt_token_ids[1]');
    expect(await fieldOf(client.score(outside))).toBe('token_ids[1]');
    const row = await sampledRow('fields');
    const step = (row: Row, open: object) =>
      client.trainStep([{ row, advantage: 1 }], {
        stepId: 'fields',
        loss: 'grpo',
        learningRate: 1e-3,
        ...open,
      } as never);
    const tokenIds = row.tokenIds.with(0, 100_000);
    expect(await fieldOf(step({ ...row, tokenIds }, {}))).toBe('rows[0].row.token_ids[0]');
    expect(await fieldOf(step(row, { learningRate: -1 }))).toBe('open.learning_rate');
  });

  test('gives its weights whole and takes newer ones', async () => {
    const weights = await served.client.policy.getWeights();
    expect(weights.bytes).toEqual(policy.getWeights().bytes);
    const newer = { ...weights, policyVersion: weights.policyVersion + 5 };
    expect(await served.client.policy.updateWeights(newer)).toBe(newer.policyVersion);
    const stale = await served.client.policy.updateWeights(weights).catch(lachesisErrorOf);
    expect(stale).toMatchObject({ field: 'open.header.policy_version' });
  });

  test('pauses and resumes', async () => {
    await served.client.policy.pause({ mode: 'abort' });
    expect(policy.describe().paused).toBe(true);
    const waiting = served.client.policy.generate(PROMPT, { sampling, timeoutMs: 150 });
    await expect(waiting).rejects.toMatchObject({ code: Code.DeadlineExceeded });
    await served.client.policy.resume();
    await expect(served.client.policy.generate(PROMPT, { sampling })).resolves.toBeDefined();
  });
});
