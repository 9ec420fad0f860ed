import { describe, expect, test } from 'vitest';
import type { EngineFaults } from '../../../src/gateways/index.ts';
import type { SamplingParameters } from '../../../src/messages.ts';
import {
  createEnginePool,
  createManagedServer,
  createScriptedEngine,
  type EngineDescription,
  type ManagedServerOptions,
} from '../../../src/models/index.ts';
import { servePolicy } from '../../support/engines/served-policy.ts';
import { END, say, spiedRenderer, tokenizer } from '../chatml.ts';
import { live } from '../engines/contract.ts';

/** One call through a managed server over an engine that misbehaves so. */
async function play(
  faults: EngineFaults,
  options: Partial<ManagedServerOptions> = {},
  sampling: SamplingParameters = {},
) {
  await using served = await servePolicy(faults);
  const server = createManagedServer({
    engine: served.engine,
    renderer: served.renderer,
    ...options,
  });
  const session = server.openSession({ rolloutId: 'r', announcedVersion: () => 5 });
  await session.complete(
    { messages: [say('user', 'the lamp')], tools: [], sampling: { maxTokens: 4, ...sampling } },
    { signal: live },
  );
  return { record: session.record(), probe: await server.probe({ signal: live }) };
}

describe('a managed server', () => {
  test('probes an engine behind HTTP before it trains on it', async () => {
    const { record, probe } = await play({});
    expect(probe).toMatchObject({ tier: 'exact', logprobMode: 'processed' });
    expect(record).toMatchObject({ logprobMode: 'processed', modelCalls: 1 });
    expect(record.segments[0]!.policyVersions[0]).toMatchObject({ reportedVersion: 5 });
  });

  test('refuses an engine that gives nothing to train on, with the remedy', async () => {
    await expect(play({ nullLogprobs: true })).rejects.toMatchObject({
      kind: 'failed_precondition',
      reason: 'ENGINE_NOT_TRAINABLE',
      message: /logprobs to "ignore"/,
    });
  });

  test('evaluates on it all the same', async () => {
    const { record, probe } = await play({ nullLogprobs: true }, { logprobs: 'ignore' });
    expect(probe).toBeUndefined();
    expect(record.segments[0]!.logprobs).toBeUndefined();
  });

  test('refuses raw logprobs where they are of another distribution', async () => {
    const shaped: [string, SamplingParameters][] = [
      ['temperature', { temperature: 0.5 }],
      ['topP', { topP: 0.9 }],
      ['topK', { topK: 5 }],
      ['extra.min_p', { extra: { min_p: 0.3 } }],
      ['extra.repetition_penalty', { extra: { min_p: 0, repetition_penalty: 1.5 } }],
      ['extra.logit_bias', { extra: { logit_bias: { 65: 10 } } }],
      // What nobody here knows may shape it too.
      ['extra.some_new_filter', { extra: { some_new_filter: true } }],
    ];
    for (const [field, sampling] of shaped) {
      await expect(play({ logprobMode: 'raw' }, {}, sampling)).rejects.toMatchObject({
        kind: 'failed_precondition',
        reason: 'RAW_LOGPROBS',
        message: /processed_logprobs/,
        field: `sampling.${field}`,
      });
    }
  });

  test('refuses an engine of another tokenizer, unless allowed', async () => {
    await using served = await servePolicy();
    const engine = { ...served.engine, tokenize: async () => Int32Array.of(1, 2) };
    const ask = (options: Partial<ManagedServerOptions>) =>
      createManagedServer({ engine, renderer: served.renderer, ...options })
        .openSession({ rolloutId: 'r', announcedVersion: () => 5 })
        .complete(
          { messages: [say('user', 'the lamp')], tools: [], sampling: { maxTokens: 4 } },
          { signal: live },
        );
    await expect(ask({})).rejects.toMatchObject({
      kind: 'failed_precondition',
      reason: 'TOKENIZER_DIFFERS',
      message: /other_tokenizer/,
    });
    expect((await ask({ allow: ['other_tokenizer'] })).completionTokens).toBeGreaterThan(0);
  });

  test('takes raw logprobs with extra fields that shape nothing', async () => {
    const extra = { min_p: 0, presence_penalty: 0, logit_bias: {}, top_k: -1, priority: 3 };
    expect((await play({ logprobMode: 'raw' }, {}, { extra })).record.modelCalls).toBe(1);
  });

  test('takes them at temperature 1, or when told', async () => {
    expect((await play({ logprobMode: 'raw' })).record.logprobMode).toBe('raw');
    const told = await play(
      { logprobMode: 'raw' },
      { allow: ['raw_logprobs'] },
      { temperature: 0.5 },
    );
    expect(told.record.logprobMode).toBe('raw');
  });

  test('processed logprobs are of any temperature', async () => {
    expect((await play({}, {}, { temperature: 0.5 })).record.modelCalls).toBe(1);
  });

  test('many sessions that begin at once probe once', async () => {
    await using served = await servePolicy();
    let probes = 0;
    const engine = {
      ...served.engine,
      generate: (...call: Parameters<typeof served.engine.generate>) => {
        if (call[0].requestId.startsWith('probe-ids')) probes += 1;
        return served.engine.generate(...call);
      },
    };
    const server = createManagedServer({ engine, renderer: served.renderer });
    await Promise.all(
      ['a', 'b', 'c'].map((rolloutId) =>
        server
          .openSession({ rolloutId, announcedVersion: () => 5 })
          .complete(
            { messages: [say('user', 'the')], tools: [], sampling: { maxTokens: 2 } },
            { signal: live },
          ),
      ),
    );
    expect(probes).toBe(1);
  });

  test('a session that gives up takes the probe from nobody', async () => {
    await using served = await servePolicy();
    const server = createManagedServer({ engine: served.engine, renderer: served.renderer });
    const controller = new AbortController();
    const ask = (signal: AbortSignal) =>
      server
        .openSession({ rolloutId: 'r', announcedVersion: () => 5 })
        .complete(
          { messages: [say('user', 'the')], tools: [], sampling: { maxTokens: 2 } },
          { signal },
        );
    const first = ask(controller.signal);
    const second = ask(live);
    controller.abort(new Error('enough'));
    await expect(first).rejects.toThrow('enough');
    expect((await second).completionTokens).toBeGreaterThan(0);
  });
});

describe('over engines of which some give raw logprobs', () => {
  async function session(modes: readonly EngineDescription['logprobMode'][], more = {}) {
    const { renderer } = spiedRenderer({ listTools: false });
    const engine = createEnginePool({
      engines: modes.map((logprobMode) => ({
        engine: createScriptedEngine({
          replies: () => ({ text: 'a' }),
          encode: (text) => tokenizer.encode(text),
          endTokenId: END,
          description: { vocabularySize: tokenizer.vocabularySize, logprobMode },
        }),
      })),
    });
    const server = createManagedServer({ engine, renderer, ...more });
    const opened = server.openSession({ rolloutId: 'r', announcedVersion: () => 1 });
    const ask = (sampling: SamplingParameters) =>
      opened.complete({ messages: [say('user', 'hi')], tools: [], sampling }, { signal: live });
    return { ask, opened };
  }

  test.each<EngineDescription['logprobMode'][]>([
    ['raw', 'processed'],
    ['processed', 'raw'],
    ['unknown', 'raw'],
    ['processed', 'raw', 'processed'],
  ])('the worst of them counts: %s, %s', async (...modes) => {
    const { ask, opened } = await session(modes);
    await expect(ask({ temperature: 0.5 })).rejects.toMatchObject({ reason: 'RAW_LOGPROBS' });
    await ask({});
    // Nobody can say of which engine a token is.
    expect(opened.record().logprobMode).toBe('unknown');
    const allowed = await session(modes, { allow: ['raw_logprobs'] });
    await allowed.ask({ temperature: 0.5 });
    expect(allowed.opened.record().logprobMode).toBe('unknown');
  });
});
