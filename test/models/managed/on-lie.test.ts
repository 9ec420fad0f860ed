import { describe, expect, test } from 'vitest';
import {
  createManagedServer,
  createScriptedEngine,
  type EngineGeneration,
  type ManagedServerOptions,
  type ScriptedReply,
} from '../../../src/models/index.ts';
import { ledgerBalance, settle, validateSequence } from '../../../src/tokens/index.ts';
import { END, say, spiedRenderer, tokenizer } from '../chatml.ts';
import { live } from '../engines/contract.ts';

/** A session over replies, each of which may be changed after it was made. */
function start(
  replies: readonly (ScriptedReply & { readonly as?: Partial<EngineGeneration> })[],
  options: Partial<ManagedServerOptions> = {},
) {
  const { renderer } = spiedRenderer();
  const scripted = createScriptedEngine({
    replies,
    encode: (text) => tokenizer.encode(text),
    endTokenId: END,
    description: { vocabularySize: tokenizer.vocabularySize },
  });
  let call = 0;
  const engine = {
    ...scripted,
    generate: async (...request: Parameters<typeof scripted.generate>) => ({
      ...(await scripted.generate(...request)),
      ...replies[call++]?.as,
    }),
  };
  const server = createManagedServer({ engine, renderer, ...options });
  const session = server.openSession({ rolloutId: 'r', announcedVersion: () => 3 });
  const ask = (messages: Parameters<typeof session.complete>[0]['messages']) =>
    session.complete({ messages, tools: [], sampling: {} }, { signal: live });
  return { session, ask };
}

const user = say('user', 'hello');

describe('a generation that lies', () => {
  test.each([
    ['of the text of its ids', { as: { text: 'world peace' } }, 'TEXT_DISAGREES'],
    ['of the prompt that it read', { as: { prompt: { tokens: 3 } } }, 'PROMPT_NOT_VERBATIM'],
    [
      'of an id that it read',
      { as: { prompt: { tokenIds: Int32Array.of(1) } } },
      'PROMPT_NOT_VERBATIM',
    ],
    ['of its logprobs', { logprobs: [-1] }, 'LOGPROBS_LENGTH'],
    ['of a logprob', { logprobs: [-1, Number.NaN, -1] }, 'LOGPROBS_NOT_FINITE'],
  ])('%s is refused, and its tokens are in no loss', async (_, lie, reason) => {
    const { ask, session } = start([{ tokenIds: [104, 105, END], ...lie }]);
    await expect(ask([user])).rejects.toMatchObject({ kind: 'model_error', reason });
    const { segments, sampledTokens } = session.record();
    expect(sampledTokens).toBe(3);
    expect(segments[0]!.spans.at(-1)).toMatchObject({ loss: 'abandoned_retry', length: 3 });
  });

  test('is kept when told, and no token of its segment is trained', async () => {
    const { ask, session } = start(
      [{ text: 'hello' }, { text: 'world', logprobs: [-1] }, { text: 'hello' }],
      { onLie: 'mark' },
    );
    const first = await ask([user]);
    const second = await ask([user, first.message, user]);
    await ask([user, first.message, user, second.message, user]);
    const { segments, calls, sampledTokens } = session.record();
    expect(segments).toHaveLength(1);
    expect(segments[0]!.logprobs).toBeUndefined();
    const losses = segments[0]!.spans.map(({ loss }) => loss);
    expect(losses.filter((loss) => loss !== 'not_sampled')).toEqual([
      'not_for_training',
      'not_for_training',
      'not_for_training',
    ]);
    expect(() => validateSequence(segments[0]!, 'segment')).not.toThrow();
    const settled = settle({
      rolloutId: 'r',
      maxRowTokens: 0,
      segments,
      calls,
      policy: 'strict',
      sampledTokens: sampledTokens!,
      masked: false,
    });
    expect(ledgerBalance(settled.ledger)).toBe(0);
    expect(settled.ledger).toMatchObject({ trained: 0, notForTraining: sampledTokens });
  });

  test('leaves what was sampled before it to be trained where its numbers are', async () => {
    const { ask, session } = start(
      [{ text: 'hello' }, { text: 'lo' }, { text: 'world', logprobs: [-1] }, { text: 'an' }],
      { onLie: 'mark' },
    );
    const { message } = await ask([user]);
    await ask([user, message, say('user', 'a')]);
    // A branch whose own answer is marked, and one that goes on from where that one branched off.
    await ask([user, message, say('user', 'b')]);
    await ask([user, message, say('user', 'b'), say('user', 'c')]);
    const { segments, calls, sampledTokens = 0 } = session.record();
    for (const policy of ['strict', 'realign', 'fork'] as const) {
      const { rows, ledger } = settle({
        ...{ rolloutId: 'r', segments, calls, policy, sampledTokens },
        ...{ maxRowTokens: 0, masked: false },
      });
      expect(ledgerBalance(ledger)).toBe(0);
      for (const row of rows) expect(row.logprobs).toBeDefined();
      expect(ledger.trained).toBeGreaterThan(0);
    }
  });

  test('of ids that are none is refused even so', async () => {
    const { ask } = start([{ tokenIds: [1_000_000 - 1] }], { onLie: 'mark' });
    await expect(ask([user])).rejects.toMatchObject({ reason: 'TOKEN_OUT_OF_VOCABULARY' });
  });

  test('text that differs in spaces, or in the token that closes the turn, is no lie', async () => {
    for (const text of ['hello', ' hello', 'hello<|im_end|>', 'hel lo\n']) {
      const { ask } = start([{ text: 'hello', as: { text } }]);
      expect((await ask([user])).message.content).toEqual([{ kind: 'text', text: 'hello' }]);
    }
  });
});
