import fc from 'fast-check';
import { expect, test } from 'vitest';
import { defineEnvironment, hostEnvironment, playGroup } from '../../src/environment/index.ts';
import type { Message } from '../../src/messages.ts';
import { createDirectServer } from '../../src/models/index.ts';
import { specialId } from '../../src/policy/index.ts';
import { never } from '../broker/support/fixture.ts';
import type { EngineCall } from '../support/engine-log.ts';
import { episodePlan } from '../support/episode-plans.ts';
import { episodeTools, playEpisode } from '../support/episodes.ts';
import { type ScriptedOpenAIRequest, startScriptedOpenAI } from '../support/scripted-openai.ts';
import { HOSTILE } from '../support/spelling.ts';

/** One end of a pair: which calls a message makes, or which one it answers. */
interface Link {
  readonly role: string;
  readonly calls: readonly string[];
  readonly answers: string | undefined;
}

/** After each message with calls stand their results, in call order, and results stand nowhere else. */
function expectPairs(links: readonly Link[]): void {
  const ids = new Set<string>();
  let waiting: string[] = [];
  for (const { role, calls, answers } of links) {
    if (role === 'tool') {
      expect(answers).toBe(waiting.shift());
      continue;
    }
    expect(waiting).toEqual([]);
    waiting = [...calls];
    for (const id of calls) {
      expect(id).toMatch(/./);
      expect(ids).not.toContain(id);
      ids.add(id);
    }
  }
  expect(waiting).toEqual([]);
}

function linksOf(messages: readonly Message[]): Link[] {
  return messages.map((message) => ({
    role: message.role,
    calls: message.role === 'assistant' ? message.toolCalls.map(({ id }) => id) : [],
    answers: message.role === 'tool' ? message.toolCallId : undefined,
  }));
}

const count = (ids: Int32Array, id: number): number => ids.filter((each) => each === id).length;
const START = specialId('<|im_start|>');

/** Whatever messages spell, the template's own tokens say how many there are. */
function expectTurns(call: EngineCall, earlier: readonly EngineCall[], messages: number): void {
  // Nothing that is sampled here opens a turn: only the template does, once a message.
  for (const { sampled } of earlier) expect(count(sampled, START)).toBe(0);
  expect(count(call.prompt, START)).toBe(messages + 1);
}

test('in every prompt each result has its call and each call its result, and no transcript is cut', async () => {
  let results = 0;
  await fc.assert(
    fc.asyncProperty(episodePlan, async (plan) => {
      const { group, callsOf, requestsOf } = await playEpisode(plan);
      for (const { id, result } of group.rollouts) {
        const requests = requestsOf(id);
        const calls = callsOf(id);
        expect(calls.length).toBe(requests.length);
        for (const [at, { messages, transcriptIndexes }] of requests.entries()) {
          expectPairs(linksOf(messages));
          expectTurns(calls[at]!, calls.slice(0, at), messages.length);
          results += messages.filter(({ role }) => role === 'tool').length;
          // What the model was shown is what the transcript says, and still says at the end.
          const places = transcriptIndexes ?? messages.map((_, index) => index);
          expect(messages).toEqual(places.map((index) => result.messages[index]));
        }
        expectPairs(linksOf(result.messages));
        expect(result.messagesTruncated).toBe(0);
        const answers = result.messages.filter(({ role }) => role === 'assistant');
        expect(answers.length).toBe(result.turns.length);
      }
    }),
    { numRuns: 200 },
  );
  expect(results).toBeGreaterThan(200);
});

/** Calls as a careless server gives them: ids repeated, empty or left out, arguments broken. */
const openAICall = fc.record({
  id: fc.constantFrom<string | null>('a', 'a', '', 'call_1', 'call_2', null),
  name: fc.constantFrom('answer', 'plain', 'fail', 'throw', 'nobody', 'constructor'),
  args: fc.constantFrom('{"n": 1}', '{', '', '"x"', '[]', '{"n": "<|im_end|>"}'),
});
const openAIReply = fc.record({
  calls: fc.array(openAICall, { minLength: 1, maxLength: 4 }),
  content: fc.constantFrom<string | null>(null, '', ...HOSTILE),
});

function linksOfBody({ body }: ScriptedOpenAIRequest): Link[] {
  // biome-ignore lint/suspicious/noExplicitAny: the body is foreign JSON
  return body.messages.map((message: any) => ({
    role: message.role,
    // biome-ignore lint/suspicious/noExplicitAny: the body is foreign JSON
    calls: (message.tool_calls ?? []).map(({ id }: any) => id),
    answers: message.tool_call_id,
  }));
}

test('an OpenAI-compatible server is sent pairs too, whatever ids it gave', async () => {
  let replies: readonly (typeof openAIReply extends fc.Arbitrary<infer T> ? T : never)[] = [];
  await using api = await startScriptedOpenAI({
    reply: ({ body }) => {
      // biome-ignore lint/suspicious/noExplicitAny: the body is foreign JSON
      const turn = body.messages.filter(({ role }: any) => role === 'assistant').length;
      const reply = replies[turn];
      if (reply === undefined) return { message: { role: 'assistant', content: 'done' } };
      const tool_calls = reply.calls.map(({ id, name, args }) => ({
        ...(id !== null && { id }),
        type: 'function',
        function: { name, arguments: args },
      }));
      return { message: { role: 'assistant', content: reply.content, tool_calls } };
    },
  });
  const modelServer = createDirectServer({ baseUrl: api.baseUrl, model: 'scripted' });
  const environment = await hostEnvironment(
    defineEnvironment({
      name: 'direct',
      tasks: [{ data: null }],
      tools: episodeTools([]),
      prompt: () => 'hello',
      reward: () => 1,
    }),
  );
  try {
    let seen = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(openAIReply, { maxLength: 4 }), async (script) => {
        replies = script;
        const group = await playGroup({
          environment,
          modelServer,
          groupId: 'g',
          groupSize: 2,
          task: { key: '0', split: '', data: null },
          signal: never,
        });
        const requests = api.requests.slice(seen);
        seen = api.requests.length;
        expect(requests.length).toBe(2 * (script.length + 1));
        for (const request of requests) expectPairs(linksOfBody(request));
        for (const { result } of group.rollouts) {
          expectPairs(linksOf(result.messages));
          expect(result.turns.length).toBe(script.length + 1);
        }
      }),
      { numRuns: 40 },
    );
  } finally {
    await modelServer.close();
  }
});
