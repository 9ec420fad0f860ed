import { createRouterTransport, type ServiceImpl } from '@connectrpc/connect';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PolicyService } from '../../gen/lachesis/v1/policy_service_pb.ts';
import { LachesisError } from '../../src/errors.ts';
import {
  createEmbeddedEngine,
  createManagedServer,
  createPolicyServiceEngine,
  createScriptedEngine,
  type Engine,
  type EngineRequest,
  rendererFor,
} from '../../src/models/index.ts';
import { hermesParser } from '../../src/parsers/index.ts';
import {
  createEmbeddedPolicy,
  type EmbeddedPolicy,
  specialTokens,
} from '../../src/policy/index.ts';
import { type Listener, startListener } from '../../src/transport/index.ts';
import { encodeFloat32, encodeInt32 } from '../../src/wire/index.ts';
import { tinyCheckpoint } from '../policy/tiny.ts';
import { END, say, tokenizer } from './chatml.ts';

const live = new AbortController().signal;
const prompt = Int32Array.from([72, 73, 74]);
const request = (more: Partial<EngineRequest> = {}): EngineRequest => ({
  requestId: 'q',
  promptTokenIds: prompt,
  sampling: { maxTokens: 6, seed: 1 },
  ...more,
});

describe('the scripted engine', () => {
  test('answers in order, logs what it saw, and says when the script is over', async () => {
    const engine = createScriptedEngine({
      replies: [{ tokenIds: [1, 2, 3] }, { text: 'hello', logprobs: [-1, -2] }],
      encode: (text) => tokenizer.encode(text),
      endTokenId: END,
      description: { policyVersion: 7 },
    });
    expect(
      await engine.generate(request({ sampling: { maxTokens: 2 } }), { signal: live }),
    ).toEqual({
      tokenIds: Int32Array.of(1, 2),
      logprobs: Float32Array.of(-0.5, -0.5),
      finish: 'length',
      versions: [{ length: 2, version: 7 }],
    });
    const second = await engine.generate(request(), { signal: live });
    expect(second.logprobs).toEqual(Float32Array.of(-1, -2));
    await expect(engine.generate(request(), { signal: live })).rejects.toMatchObject({
      kind: 'model_error',
      reason: 'SCRIPT_EXHAUSTED',
    });
    expect(engine.calls.map(({ state }) => state)).toEqual(['answered', 'answered', 'failed']);
    expect([...engine.calls[0]!.promptTokenIds]).toEqual([...prompt]);
  });
});

describe('the embedded engine', () => {
  const policy = createEmbeddedPolicy({ checkpoint: tinyCheckpoint(), seed: 1, version: 5 });
  const engine = createEmbeddedEngine(policy);
  afterAll(() => policy[Symbol.dispose]());
  contract(() => engine, policy);
});

describe('the policy service engine over gRPC', () => {
  const policy = createEmbeddedPolicy({ checkpoint: tinyCheckpoint(), seed: 1, version: 5 });
  const cancelled = Promise.withResolvers<void>();
  let listener: Listener;
  let engine: ReturnType<typeof createPolicyServiceEngine>;
  beforeAll(async () => {
    listener = await startListener({
      port: 0,
      routes: (router) => router.service(PolicyService, serve(policy, cancelled.resolve)),
    });
    engine = createPolicyServiceEngine({ baseUrl: listener.address.url });
  });
  afterAll(async () => {
    await engine.close();
    await listener[Symbol.asyncDispose]();
    policy[Symbol.dispose]();
  });
  contract(() => engine, policy);

  test('an abort reaches the service within 100 ms, and what had come is the result', async () => {
    const controller = new AbortController();
    const call = engine.generate(request({ requestId: 'hang' }), { signal: controller.signal });
    await new Promise((resolve) => setTimeout(resolve, 30));
    const before = performance.now();
    controller.abort();
    const generation = await call;
    await cancelled.promise;
    expect(performance.now() - before).toBeLessThan(100);
    expect(generation).toMatchObject({ finish: 'abort', tokenIds: Int32Array.of(1, 2) });
  });

  test('its description is enough to render and play', async () => {
    const renderer = rendererFor(await engine.describePolicy());
    const server = createManagedServer({ engine, renderer, parser: hermesParser });
    const session = server.openSession({ rolloutId: 'r', announcedVersion: () => 5 });
    const messages = [say('user', 'the lamp')];
    const first = await session.complete(
      { messages, tools: [], sampling: { maxTokens: 4 } },
      { signal: live },
    );
    await session.complete(
      {
        messages: [...messages, first.message, say('user', 'more')],
        tools: [],
        sampling: { maxTokens: 4 },
      },
      { signal: live },
    );
    const { segments, rendering } = session.record();
    expect(segments).toHaveLength(1);
    expect(rendering).toEqual((await engine.describe()).rendering);
    expect(segments[0]!.policyVersions).toEqual([
      { length: session.record().sampledTokens, announcedVersion: 5, reportedVersion: 5 },
    ]);
    // What the policy says now of the very ids agrees with what it said when it sampled.
    const scored = await policy.score(segments[0]!.tokenIds);
    let position = 0;
    let sampled = 0;
    for (const span of segments[0]!.spans) {
      if (span.origin === 'sampled') {
        for (let i = 0; i < span.length; i++) {
          expect(scored.logprobs[position + i]).toBeCloseTo(
            segments[0]!.logprobs![sampled + i]!,
            5,
          );
        }
        sampled += span.length;
      }
      position += span.length;
    }
  });
});

describe('the policy service engine', () => {
  const over = (generate: () => AsyncIterable<object>) =>
    createPolicyServiceEngine({
      transport: createRouterTransport(({ service }) =>
        service(PolicyService, { generate: generate as never }),
      ),
    });
  const piece = (ids: number[], version: number, finishReason = '') => ({
    tokenIds: encodeInt32(ids),
    logprobs: encodeFloat32(ids.map(() => -1)),
    policyVersion: BigInt(version),
    finishReason,
  });

  test('joins pieces and merges versions', async () => {
    const engine = over(async function* () {
      yield piece([1, 2], 3);
      yield piece([3], 3);
      yield piece([4], 4, 'length');
    });
    expect(await engine.generate(request(), { signal: live })).toEqual({
      tokenIds: Int32Array.of(1, 2, 3, 4),
      logprobs: Float32Array.of(-1, -1, -1, -1),
      finish: 'length',
      versions: [
        { length: 3, version: 3 },
        { length: 1, version: 4 },
      ],
    });
  });

  test('keeps what came before a failure, with the failure', async () => {
    const engine = over(async function* () {
      yield piece([1, 2], 3);
      throw new Error('gone');
    });
    const generation = await engine.generate(request(), { signal: live });
    expect(generation.tokenIds).toEqual(Int32Array.of(1, 2));
    expect(generation.failure).toMatchObject({
      kind: 'infrastructure_error',
      metadata: { retryable: 'true' },
    });
  });

  test('a stream without a finish reason is a failure', async () => {
    const engine = over(async function* () {
      yield piece([1], 3);
    });
    const { failure } = await engine.generate(request(), { signal: live });
    expect(failure).toMatchObject({ reason: 'GENERATION_INCOMPLETE' });
  });

  test('no service at all can be retried', async () => {
    const engine = createPolicyServiceEngine({ baseUrl: 'http://127.0.0.1:1' });
    await expect(engine.generate(request(), { signal: live })).rejects.toMatchObject({
      kind: 'infrastructure_error',
      metadata: { retryable: 'true', status: 'Unavailable' },
    });
    await engine.close();
  });
});

/** What every engine over the embedded policy does. */
function contract(engineOf: () => Engine, policy: EmbeddedPolicy): void {
  test('describes the policy', async () => {
    const { tokenizerFingerprint } = policy.describe();
    expect(await engineOf().describe()).toMatchObject({
      model: 'tiny',
      vocabularySize: policy.tokenizer.vocabularySize,
      contextLength: 4096,
      rendering: { tokenizerSha256: tokenizerFingerprint.replace('sha256:', '') },
      logprobMode: 'processed',
      policyVersion: 5,
    });
  });

  test('samples ids with a logprob each, all under a version, and scores them alike', async () => {
    const engine = engineOf();
    const generation = await engine.generate(request(), { signal: live });
    const { tokenIds, logprobs, versions } = generation;
    expect(tokenIds.length).toBeGreaterThan(0);
    expect(logprobs).toHaveLength(tokenIds.length);
    expect(versions).toEqual([{ length: tokenIds.length, version: 5 }]);
    expect(await engine.generate(request(), { signal: live })).toEqual(generation);
    const all = Int32Array.from([...prompt, ...tokenIds]);
    const scored = await engine.score!(all, { signal: live });
    expect(scored).toHaveLength(all.length - 1);
    const tail = scored.subarray(prompt.length - 1);
    tail.forEach((logprob, at) => {
      expect(logprob).toBeCloseTo(logprobs![at]!, 5);
    });
  });

  test('refuses a version that is not held, and an id that is none', async () => {
    const engine = engineOf();
    for (const wrong of [{ pinnedVersion: 99 }, { promptTokenIds: Int32Array.of(1_000_000) }]) {
      const error = await engine
        .generate(request(wrong), { signal: live })
        .catch((thrown) => thrown);
      expect(error).toBeInstanceOf(LachesisError);
      expect(error.kind).toBe('model_error');
    }
  });

  test('an abort before the start is an empty generation', async () => {
    const generation = await engineOf().generate(request(), { signal: AbortSignal.abort() });
    expect(generation).toMatchObject({ finish: 'abort', versions: [] });
    expect(generation.tokenIds).toHaveLength(0);
  });
}

/** The service as a server has it, with a request `hang` that samples two ids and then nothing. */
function serve(
  policy: EmbeddedPolicy,
  onCancel: () => void,
): Partial<ServiceImpl<typeof PolicyService>> {
  return {
    describe: () => {
      const { name, version, vocabularySize, contextTokens, ...description } = policy.describe();
      return {
        model: name,
        policyVersion: BigInt(version),
        vocabularySize,
        contextLength: contextTokens,
        rendering: {
          tokenizerSha256: description.tokenizerFingerprint.replace('sha256:', ''),
          templateSha256: description.templateFingerprint.replace('sha256:', ''),
        },
        logprobModes: ['raw', 'processed'],
        chatFormat: 'chatml-hermes',
        vocabulary: Array.from({ length: vocabularySize }, (_, id) => policy.tokenizer.bytesOf(id)),
        specialTokens: Object.fromEntries(
          specialTokens.map((token) => [
            token,
            policy.tokenizer.encode(token, { allowSpecial: true })[0]!,
          ]),
        ),
      };
    },
    async *generate(wire, { signal }) {
      if (wire.requestId === 'hang') {
        yield {
          tokenIds: encodeInt32([1, 2]),
          logprobs: encodeFloat32([-1, -1]),
          policyVersion: 5n,
        };
        await new Promise<void>((resolve) => {
          signal.addEventListener('abort', () => resolve(), { once: true });
        });
        onCancel();
        return;
      }
      const { maxTokens, seed } = wire.sampling ?? {};
      const { ids, logprobs, version, finishReason } = await policy.generate(
        {
          promptIds: new Int32Array(wire.promptTokenIds.slice().buffer),
          ...(maxTokens !== undefined && { maxTokens }),
          ...(seed !== undefined && { seed: Number(seed) }),
          ...(wire.pinnedVersion !== undefined && { version: Number(wire.pinnedVersion) }),
        },
        { signal },
      );
      yield {
        tokenIds: encodeInt32(ids),
        logprobs: encodeFloat32(logprobs),
        policyVersion: BigInt(version),
        finishReason,
      };
    },
    score: async ({ tokenIds }) => {
      const { logprobs, version } = await policy.score(new Int32Array(tokenIds.slice().buffer));
      return { logprobs: encodeFloat32(logprobs.subarray(1)), policyVersion: BigInt(version) };
    },
  };
}
