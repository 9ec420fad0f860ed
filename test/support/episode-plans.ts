import fc from 'fast-check';
import type { Ending, Step } from './episode-steps.ts';
import type { EpisodePlan } from './episodes.ts';
import { HOSTILE } from './spelling.ts';

const word = fc.constantFrom('hello', 'world', ' the', 'é', '🙂', '\n', '7', '<|im_end|>', '"}}');
const words = fc.array(word, { maxLength: 3 }).map((parts) => parts.join(''));
const knownTool = fc.constantFrom(
  ...['answer', 'answer', 'answer', 'answer', 'plain', 'plain', 'plain', 'fail', 'throw', 'hang'],
  'lost',
);
const toolName = fc.oneof(
  { weight: 8, arbitrary: knownTool.map((name) => JSON.stringify(name)) },
  // Unknown, the name of a method of every object, and one that is no valid Unicode.
  { weight: 1, arbitrary: fc.constantFrom('"nobody"', '"constructor"', '"\\ud800"', '""') },
);
const argumentsText = fc.oneof(
  { weight: 6, arbitrary: fc.nat(99).map((n) => `{"n": ${n}}`) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      ...['{}', '"{\\"n\\": 1}"', '"\\ud800"', '[1]', 'null', '{ "n":1 , "n":2 }', '"{\\"n\\": "'],
    ),
  },
);
/** A call as a Hermes model writes it. */
export const callText = fc
  .tuple(toolName, argumentsText)
  .map(([name, args]) => `<tool_call>\n{"name": ${name}, "arguments": ${args}}\n</tool_call>`);
const brokenCall = fc
  .tuple(callText, fc.double({ min: 0, max: 1, noNaN: true }))
  .map(([text, at]) => text.slice(0, Math.floor(at * text.length)));
const part = fc.oneof(
  { weight: 3, arbitrary: words },
  { weight: 8, arbitrary: callText },
  { weight: 1, arbitrary: brokenCall },
  { weight: 1, arbitrary: fc.tuple(words, callText).map(([a, b]) => `<think>${a}${b}</think>`) },
  { weight: 1, arbitrary: fc.constantFrom('<think>', '</think>', '<tool_response>', '�') },
);
/** What a model says: text and calls, some of them broken, thought, unknown or cut off. */
export const modelText = fc.array(part, { maxLength: 4 }).map((parts) => parts.join(''));
const goodCalls = fc
  .tuple(words, fc.array(callText, { minLength: 1, maxLength: 3 }))
  .map(([text, calls]) => text + calls.join('\n'));

const after = fc.nat(40);
const ending: fc.Arbitrary<Ending> = fc.oneof(
  { weight: 24, arbitrary: fc.constant<Ending>({ kind: 'stop' }) },
  {
    weight: 3,
    arbitrary: fc.constantFrom<Ending>({ kind: 'end_of_text' }, { kind: 'stop_unsaid' }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constantFrom<'lost' | 'hang'>('lost', 'hang'), after }),
  },
  { weight: 1, arbitrary: fc.constant<Ending>({ kind: 'unreachable' }) },
  {
    weight: 2,
    arbitrary: fc.constantFrom<Ending>(
      ...(['length', 'engine_abort', 'silent'] as const).map((kind) => ({ kind })),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom<'broken' | 'cancel'>('broken', 'cancel'), after }),
  },
);

const SAME = '<tool_call>\n{"name": "answer", "arguments": {}}\n</tool_call>hello';

/** One model call. Some texts come up again and again, in other spellings. */
export const step: fc.Arbitrary<Step> = fc.record({
  text: fc.oneof(
    { weight: 3, arbitrary: modelText },
    { weight: 6, arbitrary: goodCalls },
    { weight: 1, arbitrary: fc.constant(SAME) },
  ),
  spelling: fc.nat(),
  ending,
  view: fc.constantFrom(...new Array<undefined>(9).fill(undefined), 'forget', 'forget', 'again'),
});

/** Groups of one to three rollouts, up to eight calls each. */
export const episodePlan: fc.Arbitrary<EpisodePlan> = fc
  .record({
    rollouts: fc.array(
      fc.record({
        steps: fc.array(step, { minLength: 1, maxLength: 8 }),
        reward: fc.constantFrom<'scored' | 'throws' | 'not_scored'>(
          ...(['scored', 'scored', 'scored', 'scored', 'throws', 'not_scored'] as const),
        ),
      }),
      { minLength: 1, maxLength: 3 },
    ),
    prompt: fc.constantFrom(...HOSTILE),
    maxTurns: fc.integer({ min: 1, max: 7 }),
    callIds: fc.constantFrom<EpisodePlan['callIds']>('own', 'same', 'none'),
    listTools: fc.boolean(),
    maxTokens: fc.constantFrom(...new Array<null>(6).fill(null), 40, 120),
  })
  .map(({ maxTokens, ...plan }) => ({ ...plan, ...(maxTokens !== null && { maxTokens }) }));

/** Plans in which nothing is forgotten and nothing asked again: histories only grow. */
export const growingPlan: fc.Arbitrary<EpisodePlan> = episodePlan.map((plan) => ({
  ...plan,
  rollouts: plan.rollouts.map((rollout) => ({
    ...rollout,
    steps: rollout.steps.map(({ view: _, ...each }) => each),
  })),
}));
