import { describe, expect, test } from 'vitest';
import {
  createChatmlRenderer,
  createEmbeddedEngine,
  createManagedServer,
  createScriptedEngine,
  DriftCanary,
  type Engine,
} from '../../../src/models/index.ts';
import { createEmbeddedPolicy } from '../../../src/policy/index.ts';
import { MetricsRegistry } from '../../../src/telemetry/index.ts';
import { tinyCheckpoint } from '../../policy/tiny.ts';
import { say } from '../chatml.ts';
import { live } from '../engines/contract.ts';

const turn = {
  promptTokenIds: Int32Array.of(1, 2),
  tokenIds: Int32Array.of(3, 4),
  logprobs: Float32Array.of(-1, -2),
  temperature: 1,
};

function scoring(score: NonNullable<Engine['score']>): Engine {
  return { ...createScriptedEngine({ replies: [] }), score };
}

const unscored = (metrics: MetricsRegistry) =>
  metrics.snapshot().find(({ name }) => name.endsWith('_unscored_turns_total'))?.series;

describe('the drift canary', () => {
  test('scores every so many turns, and exports how far they are off', async () => {
    const metrics = new MetricsRegistry();
    const canary = new DriftCanary({
      engine: scoring(async () => Float32Array.of(-9, -1.5, -2.25)),
      share: 0.25,
      metrics,
    });
    for (let i = 0; i < 9; i++) canary.turn(turn);
    await canary.idle();
    expect(canary.stats()).toMatchObject({ turns: 2, tokens: 4, mean: 0.375, max: 0.5, failed: 0 });
    const read = (name: string) =>
      metrics.snapshot().find((metric) => metric.name === name)?.series[0]?.[1];
    expect(read('lachesis_logprob_drift_mean')).toBe(0.375);
    expect(read('lachesis_logprob_drift_max')).toBe(0.5);
    expect(read('lachesis_logprob_drift_turns_total')).toBe(2);
  });

  test('passes turns over rather than pile them up', async () => {
    const wait = Promise.withResolvers<Float32Array>();
    const metrics = new MetricsRegistry();
    const canary = new DriftCanary({
      engine: scoring(() => wait.promise),
      share: 1,
      maxWaiting: 2,
      metrics,
    });
    for (let i = 0; i < 5; i++) canary.turn(turn);
    expect(canary.stats().passedOver).toBe(3);
    expect(unscored(metrics)).toEqual([[['passed_over'], 3]]);
    wait.resolve(Float32Array.of(-9, -1, -2));
    await canary.idle();
    expect(canary.stats()).toMatchObject({ turns: 2, max: 0 });
  });

  test('a score that fails, or is of other tokens, fails nobody', async () => {
    const metrics = new MetricsRegistry();
    const engine = scoring(async () => Float32Array.of(-9));
    const canary = new DriftCanary({ engine, share: 1, metrics });
    canary.turn(turn);
    await canary.idle();
    expect(canary.stats()).toMatchObject({ failed: 1, turns: 0, lastError: /0 scores came for 2/ });
    expect(unscored(metrics)).toEqual([[['failed'], 1]]);
  });

  test('its close gives up what is under way', async () => {
    const canary = new DriftCanary({
      engine: scoring(
        (_, { signal }) =>
          new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => reject(signal.reason));
          }),
      ),
      share: 1,
    });
    canary.turn(turn);
    await canary.close();
    expect(canary.stats()).toMatchObject({ turns: 0, failed: 0 });
  });

  test('in a managed server finds what the embedded policy sampled as it scores it', async () => {
    using policy = createEmbeddedPolicy({ checkpoint: tinyCheckpoint(), seed: 1, version: 5 });
    const server = createManagedServer({
      engine: createEmbeddedEngine(policy),
      renderer: createChatmlRenderer({ tokenizer: policy.tokenizer }),
      canary: { share: 1 },
    });
    const session = server.openSession({ rolloutId: 'r', announcedVersion: () => 5 });
    for (const temperature of [1, 0.5]) {
      await session.complete(
        { messages: [say('user', 'the')], tools: [], sampling: { maxTokens: 8, temperature } },
        { signal: live },
      );
    }
    await expect.poll(() => server.drift()?.turns).toBe(2);
    expect(server.drift()!.max).toBeLessThan(1e-5);
    await server.close();
  });
});
