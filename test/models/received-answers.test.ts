import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LachesisError } from '../../src/errors.ts';
import type { Message } from '../../src/messages.ts';
import { createManagedServer, createScriptedEngine } from '../../src/models/index.ts';
import { settle } from '../../src/tokens/index.ts';
import { END, say, spiedRenderer, tokenizer } from './chatml.ts';

/** What a harness does with one conversation; what it went on with in the end is the model here. */
type Step =
  | { readonly does: 'go on' | 'sample again' | 'lose the reply' | 'rate and reject' }
  | { readonly does: 'go back'; readonly answers: number }
  | { readonly does: 'take one of'; readonly samples: number; readonly taken: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      does: fc.constantFrom('go on', 'sample again', 'lose the reply', 'rate and reject'),
    }),
  },
  fc.record({ does: fc.constant('go back' as const), answers: fc.integer({ min: 1, max: 3 }) }),
  {
    weight: 2,
    arbitrary: fc.record({
      does: fc.constant('take one of' as const),
      samples: fc.integer({ min: 2, max: 4 }),
      taken: fc.nat(3),
    }),
  },
);
const LOST = new LachesisError('infrastructure_error', 'lost', { reason: 'LOST' });
const { signal } = new AbortController();

/** The session's record, and the calls whose answers are in the conversation at its end. */
async function play(steps: readonly Step[], agent: string, isCopied: boolean) {
  let lost = false;
  const engine = createScriptedEngine({
    replies: (_, index) => {
      // Unlike any other, so that no two answers are alike by chance.
      const tokenIds = [...tokenizer.encode(`answer ${index}`), END];
      return lost ? { tokenIds, error: LOST, sampledBeforeError: tokenIds.length } : { tokenIds };
    },
    endTokenId: END,
    description: { vocabularySize: tokenizer.vocabularySize },
  });
  const { renderer } = spiedRenderer({ listTools: false });
  const session = createManagedServer({ engine, renderer }).openSession({
    rolloutId: 'r',
    announcedVersion: () => 1,
  });
  const messages: Message[] = [say('user', 'begin')];
  const answers: number[] = [];
  let asked = 0;
  let edits = 0;
  const ask = async (more: readonly Message[] = [], purpose = '') => {
    const call = asked;
    asked += 1;
    const request = { messages: [...messages, ...more], tools: [], sampling: {} };
    const { message } = await session.complete(
      { ...request, lineage: { agent, purpose } },
      { signal },
    );
    return { call, message: isCopied ? structuredClone(message) : message };
  };
  const take = ({ call, message }: Awaited<ReturnType<typeof ask>>): void => {
    messages.push(message);
    answers.push(call);
  };
  const back = (count: number): void => {
    for (let left = Math.min(count, answers.length); left > 0; left -= 1) {
      answers.pop();
      messages.splice(messages.findLastIndex(({ role }) => role === 'assistant'));
    }
  };
  for (const one of steps) {
    if (one.does === 'sample again') back(1);
    else if (one.does === 'go back') {
      // Not to its first question: another one begins another conversation.
      back(Math.min(one.answers, answers.length - 1));
      edits += 1;
      if (messages.at(-1)?.role === 'user' && answers.length > 0) messages.pop();
      if (answers.length > 0) messages.push(say('user', `otherwise ${edits}`));
    } else if (answers.length > 0) messages.push(say('user', 'on'));
    if (one.does === 'lose the reply') {
      lost = true;
      await ask().catch(() => {});
      lost = false;
    }
    if (one.does === 'rate and reject') {
      const { message } = await ask();
      await ask([message, say('user', 'rate it')], 'judge');
    }
    if (one.does === 'take one of') {
      const samples = await Promise.all(Array.from({ length: one.samples }, () => ask()));
      take(samples[one.taken % one.samples]!);
    } else take(await ask());
  }
  // Of the last samples nobody can know which was taken, until the agent goes on.
  messages.push(say('user', 'on'));
  take(await ask());
  return { record: session.record(), answers };
}

test('strict trains the answers that the agent went on from, all of them and no other', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 10 }),
      fc.constantFrom('', 'helper'),
      fc.boolean(),
      async (steps, agent, isCopied) => {
        const { record, answers } = await play(steps, agent, isCopied);
        const { segments, calls, sampledTokens = 0 } = record;
        const options = { rolloutId: 'r', segments, calls, sampledTokens, maxRowTokens: 0 };
        const { rows } = settle({ ...options, policy: 'strict', masked: false });
        const trained = rows.flatMap(({ spans }) =>
          spans.flatMap(({ loss, callIndex }) => (loss === 'trained' ? (callIndex ?? -1) : [])),
        );
        expect(trained.toSorted((a, b) => a - b)).toEqual(answers.toSorted((a, b) => a - b));
      },
    ),
    { numRuns: 300 },
  );
});
