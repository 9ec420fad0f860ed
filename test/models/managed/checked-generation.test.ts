import { describe, expect, test } from 'vitest';
import type { SamplingParameters } from '../../../src/messages.ts';
import {
  createManagedServer,
  createScriptedEngine,
  type Engine,
  type EngineGeneration,
  type ManagedServerOptions,
} from '../../../src/models/index.ts';
import { END, say, spiedRenderer, tokenizer } from '../chatml.ts';
import { live } from '../engines/contract.ts';

const [A, B, C] = [65, 66, 67];

/** One call to an engine whose generation is changed after it was made. */
async function ask(
  change: unknown,
  sampling: SamplingParameters = {},
  options: Partial<ManagedServerOptions> = {},
) {
  const scripted = createScriptedEngine({
    replies: [{ tokenIds: [A, B, END] }],
    description: { vocabularySize: tokenizer.vocabularySize },
  });
  const generate = (async (...call: Parameters<Engine['generate']>) => {
    const made = await scripted.generate(...call);
    return typeof change === 'function' ? change(made) : { ...made, ...(change as object) };
  }) as Engine['generate'];
  const { renderer } = spiedRenderer();
  const server = createManagedServer({ engine: { ...scripted, generate }, renderer, ...options });
  const session = server.openSession({ rolloutId: 'r', announcedVersion: () => 1 });
  const request = { messages: [say('user', 'hi')], tools: [], sampling };
  const completion = await session.complete(request, { signal: live });
  return { completion, record: session.record() };
}

function sampled(...ids: number[]): Partial<EngineGeneration> {
  return {
    tokenIds: Int32Array.from(ids),
    logprobs: new Float32Array(ids.length).fill(-0.5),
  };
}

describe('a generation is refused', () => {
  test.each<[string, Partial<EngineGeneration>, SamplingParameters, string]>([
    [
      'that goes on after the end of its turn',
      sampled(A, END, B, C, END),
      {},
      'STOP_TOKEN_IGNORED',
    ],
    ['that goes on after a stop id', sampled(A, B, C), { stopTokenIds: [B] }, 'STOP_TOKEN_IGNORED'],
    ['longer than asked', sampled(A, B, C), { maxTokens: 2 }, 'TOO_MANY_TOKENS'],
    ['of an unknown finish', { finish: 'banana' as 'stop' }, {}, 'FINISH_UNKNOWN'],
    ['with a logprob above 0', { logprobs: Float32Array.of(-1, 0.5, -1) }, {}, 'LOGPROBS_POSITIVE'],
    ['of version NaN', { versions: [{ length: 3, version: Number.NaN }] }, {}, 'VERSION_INVALID'],
    ['of version -1', { versions: [{ length: 3, version: -1 }] }, {}, 'VERSION_INVALID'],
    [
      'of half a token under a version',
      {
        versions: [
          { length: 1.5, version: 1 },
          { length: 1.5, version: 2 },
        ],
      },
      {},
      'VERSIONS_LENGTH',
    ],
    [
      'of less than no token under a version',
      {
        versions: [
          { length: 4, version: 1 },
          { length: -1, version: 2 },
        ],
      },
      {},
      'VERSIONS_LENGTH',
    ],
  ])('%s', async (_, change, sampling, reason) => {
    await expect(ask(change, sampling)).rejects.toMatchObject({ kind: 'model_error', reason });
    const { record } = await ask(change, sampling, { onLie: 'mark' });
    const { segments } = record;
    expect(segments[0]!.spans.at(-1)).toMatchObject({ loss: 'not_for_training' });
  });

  test('but not for a logprob that rounding put a little above 0', async () => {
    const { record } = await ask({ logprobs: Float32Array.of(-1, 1e-6, -1) });
    expect(record.modelCalls).toBe(1);
  });

  test.each<[string, unknown]>([
    ['undefined', () => undefined],
    ['null', () => null],
    ['plain lists', () => ({ tokenIds: [A], logprobs: [-1], finish: 'stop', versions: [] })],
    ['no versions', (made: EngineGeneration) => ({ ...made, versions: undefined })],
  ])('of an engine of one’s own that answers %s, with what it must return', async (_, change) => {
    await expect(ask(change)).rejects.toMatchObject({
      kind: 'model_error',
      reason: 'BAD_ENGINE_GENERATION',
      message: expect.stringMatching(/generate\(\).*Int32Array/s),
    });
  });
});

describe('a text that was cut at a stop string', () => {
  const ids = [...tokenizer.encode('ab STOP')];

  test.each(['ab', 'ab STOP'])('is that of its ids: %s', async (text) => {
    const { record } = await ask({ ...sampled(...ids), text }, { stop: ['x', 'STOP'] });
    expect(record.segments[0]!.spans.at(-1)).toMatchObject({ length: ids.length, loss: 'trained' });
  });

  test.each<[string, readonly string[] | undefined]>([
    ['ab', undefined],
    ['ab', ['GO']],
    ['a', ['STOP']],
    ['ab ST', ['STOP']],
  ])('is a lie where nobody asked for that cut: %s at %j', async (text, stop) => {
    await expect(
      ask({ ...sampled(...ids), text }, stop === undefined ? {} : { stop }),
    ).rejects.toMatchObject({ reason: 'TEXT_DISAGREES' });
  });
});
