import { describe, expect, test } from 'vitest';
import type { EngineFaults } from '../../../src/gateways/index.ts';
import {
  createChatmlRenderer,
  createEmbeddedEngine,
  createEnginePool,
  createScriptedEngine,
  type EngineProbe,
  probeEngine,
} from '../../../src/models/index.ts';
import { probePrompt } from '../../../src/models/managed/probe-prompt.ts';
import { createEmbeddedPolicy } from '../../../src/policy/index.ts';
import { tinyCheckpoint } from '../../policy/tiny.ts';
import { servePolicy } from '../../support/engines/served-policy.ts';
import { live } from './contract.ts';

const outcomes = ({ findings }: EngineProbe) =>
  Object.fromEntries(findings.map(({ probe, outcome }) => [probe, outcome]));

async function probeServed(faults: EngineFaults): Promise<EngineProbe> {
  await using served = await servePolicy(faults);
  return await probeEngine(served.engine, { ...probePrompt(served.renderer), signal: live });
}

const allWell = {
  ids_out: 'yes',
  stop_token_kept: 'yes',
  prompt_verbatim: 'yes',
  logprob_mode: 'yes',
  scoring: 'yes',
  tokenizer: 'yes',
  versions: 'yes',
};

describe('a probe', () => {
  test('the embedded policy passes all of it', async () => {
    using policy = createEmbeddedPolicy({ checkpoint: tinyCheckpoint(), seed: 1, version: 5 });
    const renderer = createChatmlRenderer({ tokenizer: policy.tokenizer });
    const probe = await probeEngine(createEmbeddedEngine(policy), {
      ...probePrompt(renderer),
      signal: live,
    });
    expect(outcomes(probe)).toEqual(allWell);
    expect(probe).toMatchObject({
      tier: 'exact',
      stopTokenKept: true,
      promptVerbatim: true,
      logprobMode: 'processed',
      canScore: true,
      versions: 'per_call',
    });
    expect(probe.scoreDrift).toBeLessThan(1e-5);
  });

  test('so does an engine over HTTP that behaves', async () => {
    const probe = await probeServed({});
    expect(outcomes(probe)).toEqual(allWell);
    expect(probe).toMatchObject({ tier: 'exact', canScoreTopK: true, versions: 'per_token' });
  });

  test('finds raw logprobs by what they are', async () => {
    expect(await probeServed({ logprobMode: 'raw' })).toMatchObject({
      tier: 'exact',
      logprobMode: 'raw',
    });
  });

  test('finds a dropped stop token', async () => {
    const probe = await probeServed({ dropStopToken: true });
    expect(probe).toMatchObject({ tier: 'exact', stopTokenKept: false });
  });

  test('an engine without logprobs has no tokens to train on', async () => {
    const probe = await probeServed({ nullLogprobs: true });
    expect(probe).toMatchObject({ tier: 'text', canScore: false });
    expect(outcomes(probe)).toMatchObject({ ids_out: 'no', scoring: 'unknown' });
  });

  test('an engine that reads other ids than were sent is captured at best', async () => {
    const engine = createScriptedEngine({ replies: () => ({ tokenIds: [1, 2] }) });
    const adding = {
      ...engine,
      generate: async (...call: Parameters<typeof engine.generate>) => ({
        ...(await engine.generate(...call)),
        prompt: { tokens: call[0].promptTokenIds.length + 1 },
      }),
    };
    const probe = await probeEngine(adding, {
      promptTokenIds: Int32Array.of(1, 2, 3),
      oddTokenIds: Int32Array.of(4, 5),
      signal: live,
    });
    expect(probe).toMatchObject({ tier: 'captured', promptVerbatim: false });
    expect(outcomes(probe)).toMatchObject({ scoring: 'unknown', tokenizer: 'unknown' });
  });

  test('of a pool says what holds for each of its engines', async () => {
    await using well = await servePolicy();
    await using raw = await servePolicy({ logprobMode: 'raw' });
    const pool = createEnginePool({ engines: [{ engine: well.engine }, { engine: raw.engine }] });
    const probe = await probeEngine(pool, { ...probePrompt(well.renderer), signal: live });
    expect(probe).toMatchObject({
      ...{ tier: 'exact', logprobMode: 'unknown', isPartlyRaw: true },
      stopTokenKept: true,
    });
    expect(probe.findings).toHaveLength(14);
  });

  test('an engine that can not be reached is no finding', async () => {
    await using served = await servePolicy(
      {},
      { url: 'http://127.0.0.1:1', retries: { perCall: 0 } },
    );
    await expect(
      probeEngine(served.engine, { ...probePrompt(served.renderer), signal: live }),
    ).rejects.toMatchObject({ reason: 'ENGINE_UNREACHABLE' });
  });

  test.each<[string, Float32Array]>([
    ['no scores', new Float32Array(0)],
    ['too few', new Float32Array(2)],
    ['one that is none', Float32Array.of(-1, -1, Number.NaN, -1)],
  ])('of an engine that gives %s does not know how far they drift', async (_, scores) => {
    const engine = createScriptedEngine({
      replies: () => ({ tokenIds: [1, 2], logprobs: [-1, -1] }),
    });
    const options = { promptTokenIds: Int32Array.of(1, 2, 3), signal: live };
    const probe = await probeEngine({ ...engine, score: async () => scores }, options);
    expect(probe).toMatchObject({ scoreDrift: undefined, canScore: false });
    expect(outcomes(probe)).toMatchObject({ scoring: 'unknown' });
  });

  test('calls an engine exact only where it says that it read what was sent', async () => {
    const engine = createScriptedEngine({ replies: () => ({ tokenIds: [1] }) });
    const generate = async (...call: Parameters<typeof engine.generate>) => {
      const made = { ...(await engine.generate(...call)), tokenIds: Int32Array.of(1) };
      return { ...made, logprobs: Float32Array.of(-1) };
    };
    const options = {
      promptTokenIds: Int32Array.of(1),
      oddTokenIds: Int32Array.of(2, 3),
      signal: live,
    };
    const silent = await probeEngine({ ...engine, generate }, options);
    expect(silent).toMatchObject({ tier: 'captured', promptVerbatim: undefined });
    const says = async (...call: Parameters<typeof engine.generate>) => ({
      ...(await generate(...call)),
      prompt: { tokenIds: call[0].promptTokenIds },
    });
    const telling = await probeEngine({ ...engine, generate: says }, options);
    expect(telling).toMatchObject({ tier: 'exact', promptVerbatim: true });
  });

  test('ends when it is called off', async () => {
    const engine = createScriptedEngine({ replies: () => ({ after: new Promise(() => {}) }) });
    const controller = new AbortController();
    const probing = probeEngine(engine, {
      promptTokenIds: Int32Array.of(1),
      signal: controller.signal,
    });
    controller.abort(new Error('enough'));
    await expect(probing).rejects.toThrow('enough');
  });
});
