import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { type AgentOptions, runAgent, type Turn } from '../../src/agent/index.ts';
import { LachesisError } from '../../src/errors.ts';
import { type Message, textContent, textOf } from '../../src/messages.ts';
import { createToolRegistry, type ToolContext, tool } from '../../src/tools/index.ts';
import { eagerClock, manualClock } from '../support/manual-clock.ts';
import { type ScriptedReply, scriptedSession } from '../support/scripted-session.ts';

const say = (text: string): Message => ({ role: 'user', content: textContent(text) });
const infrastructure = (retryAfterMs?: number) =>
  new LachesisError('infrastructure_error', 'The engine is away.', {
    reason: 'ENGINE_AWAY',
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });

const echo = tool({
  name: 'echo',
  description: 'Says it again.',
  parameters: { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] },
  execute: (args) => String(args['text']),
});
const fail = tool({
  name: 'fail',
  description: 'Fails.',
  parameters: { type: 'object', properties: {} },
  execute: () => {
    throw new RangeError('no such row');
  },
});
const hang = tool({
  name: 'hang',
  description: 'Never answers.',
  parameters: { type: 'object', properties: {} },
  execute: () => new Promise<string>(() => {}),
});
const registry = createToolRegistry([echo, hang, fail]);

async function play(
  replies: readonly ScriptedReply[],
  options: Partial<AgentOptions<unknown>> = {},
) {
  const session = scriptedSession(replies);
  const result = await runAgent<unknown>({
    session,
    messages: [say('Go.')],
    tools: registry.definitions,
    handler: registry.handleFunctionCall,
    rolloutId: 'r1',
    state: undefined,
    clock: eagerClock(),
    random: () => 0,
    ...options,
  });
  return { result, session };
}
const toolTexts = (messages: readonly Message[]) =>
  messages.filter((message) => message.role === 'tool').map(textOf);

describe('how a run ends', () => {
  const call = { calls: [{ name: 'echo', args: { text: 'a' } }] };
  const table: readonly (readonly [
    string,
    readonly ScriptedReply[],
    Partial<AgentOptions<unknown>>,
    object,
  ])[] = [
    [
      'an answer',
      [{ text: 'Hi.' }],
      {},
      { stopReason: 'natural', finishedNaturally: true, turnsUsed: 1 },
    ],
    [
      'an answer after a call',
      [call, { text: 'Hi.' }],
      {},
      { stopReason: 'natural', turnsUsed: 2 },
    ],
    [
      'the last turn',
      [call, call, call],
      { maxTurns: 2 },
      { stopReason: 'max_turns', turnsUsed: 2 },
    ],
    ['no turns at all', [], { maxTurns: 0 }, { stopReason: 'max_turns', turnsUsed: 0 }],
    ['nothing said', [{}], {}, { stopReason: 'empty_response', turnsUsed: 1 }],
    ['thoughts only', [{ reasoning: 'hm' }], {}, { stopReason: 'empty_response' }],
    ['a cut-off answer', [{ text: 'Hi', finishReason: 'length' }], {}, { stopReason: 'length' }],
    ['nothing, cut off', [{ finishReason: 'length' }], {}, { stopReason: 'length' }],
    [
      'an answer that the engine aborted',
      [{ text: 'H', finishReason: 'abort' }],
      {},
      { stopReason: 'infrastructure_error' },
    ],
    [
      'a filtered answer',
      [{ text: 'H', finishReason: 'content_filter' }],
      {},
      { stopReason: 'model_error' },
    ],
    [
      'a model error',
      [{ error: new LachesisError('model_error', 'Bad.', { reason: 'BAD' }) }],
      {},
      { stopReason: 'model_error', stopDetail: 'Bad.', turnsUsed: 1 },
    ],
    [
      'a refused key',
      [{ error: new LachesisError('unauthenticated', 'Bad key.', { reason: 'KEY' }) }],
      {},
      { stopReason: 'model_error' },
    ],
    [
      'a lost engine',
      [{ error: infrastructure() }],
      {},
      { stopReason: 'infrastructure_error', stopDetail: 'The engine is away.' },
    ],
    [
      'an untyped error',
      [{ error: 'oops' }],
      {},
      { stopReason: 'infrastructure_error', stopDetail: 'oops' },
    ],
    [
      'a full context',
      [{ error: new LachesisError('model_error', 'Too long.', { reason: 'CONTEXT_OVERFLOW' }) }],
      {},
      { stopReason: 'context_overflow' },
    ],
    [
      'a done environment',
      [call],
      { isDone: () => true },
      { stopReason: 'environment_done', turnsUsed: 1 },
    ],
    [
      'an environment that is done later',
      [call, call],
      { isDone: async () => false, maxTurns: 1 },
      { stopReason: 'max_turns' },
    ],
    [
      'a failing isDone',
      [call],
      {
        isDone: () => {
          throw new Error('bug');
        },
      },
      { stopReason: 'environment_error', stopDetail: 'bug' },
    ],
    [
      'a failing onTurn',
      [{ text: 'Hi.' }],
      {
        onTurn: async () => {
          throw new Error('bug');
        },
      },
      { stopReason: 'environment_error', stopDetail: 'bug' },
    ],
    [
      'cancelled before it began',
      [],
      { signal: AbortSignal.abort(new Error('stop')) },
      { stopReason: 'cancelled', stopDetail: 'stop', turnsUsed: 0 },
    ],
    [
      'late before it began',
      [],
      { signal: AbortSignal.abort(new DOMException('late', 'TimeoutError')) },
      { stopReason: 'deadline' },
    ],
  ];
  it.each(table)('%s', async (_name, replies, options, expected) => {
    const { result } = await play(replies, options);
    expect(result).toMatchObject(expected);
    expect(result.stopDetail).not.toBe('');
    expect(result.finishedNaturally).toBe(result.stopReason === 'natural');
  });

  it('rejects options that make no sense, and only these', async () => {
    await expect(play([], { maxTurns: -1 })).rejects.toThrow('maxTurns: must be a whole number');
    await expect(play([], { maxParallelToolCalls: 0 })).rejects.toThrow('maxParallelToolCalls');
    await expect(play([], { toolTimeoutMs: 0 })).rejects.toThrow('toolTimeoutMs');
    await expect(play([], { tools: [echo.definition, echo.definition] })).rejects.toThrow(
      'one name',
    );
  });
});

describe('the transcript', () => {
  it('holds the opening, each call with its result in call order, and the answer', async () => {
    const { result, session } = await play([
      {
        text: 'Let me.',
        reasoning: 'hm',
        calls: [
          { name: 'echo', args: '{ "text": "a" }' },
          { name: 'echo', args: { text: 'b' } },
        ],
      },
      { text: 'Done.' },
    ]);
    expect(result.messages).toEqual([
      say('Go.'),
      {
        role: 'assistant',
        content: textContent('Let me.'),
        reasoning: 'hm',
        toolCalls: [
          {
            id: 'c1',
            name: 'echo',
            argumentsText: '{ "text": "a" }',
            argumentsJson: '{"text":"a"}',
          },
          { id: 'c2', name: 'echo', argumentsText: '{"text":"b"}', argumentsJson: '{"text":"b"}' },
        ],
      },
      { role: 'tool', content: textContent('a'), toolCallId: 'c1', toolName: 'echo' },
      { role: 'tool', content: textContent('b'), toolCallId: 'c2', toolName: 'echo' },
      { role: 'assistant', content: textContent('Done.'), toolCalls: [] },
    ]);
    expect(session.requests.map(({ messages }) => messages.length)).toEqual([1, 4]);
    expect(session.requests[1]?.messages).toEqual(result.messages.slice(0, 4));
  });

  it('gives each call one id, new in the rollout, in both messages', async () => {
    const opening: Message[] = [
      say('Go.'),
      {
        role: 'assistant',
        content: [],
        toolCalls: [{ id: 'old', name: 'echo', argumentsText: '{}' }],
      },
      { role: 'tool', content: [], toolCallId: 'old', toolName: 'echo' },
    ];
    const args = { text: 'x' };
    const { result } = await play(
      [
        { calls: ['old', '', 'mine', 'mine', 'call_3'].map((id) => ({ name: 'echo', args, id })) },
        { calls: [{ name: 'echo', args, id: 'mine' }] },
      ],
      { messages: opening },
    );
    const ids = result.messages.flatMap((message) =>
      message.role === 'assistant' ? message.toolCalls.map(({ id }) => id) : [],
    );
    expect(ids).toEqual(['old', 'call_1', 'call_2', 'mine', 'call_3', 'call_4', 'call_5']);
    expect(
      result.messages.flatMap((message) => (message.role === 'tool' ? [message.toolCallId] : [])),
    ).toEqual(ids);
  });

  it('tells turns as they end', async () => {
    const seen: { turn: Turn; roles: string[] }[] = [];
    const { result } = await play(
      [
        { calls: [{ name: 'echo', args: { text: 'a' } }], promptTokens: 10, completionTokens: 5 },
        { text: 'Hi.', promptTokens: 20, completionTokens: 2 },
      ],
      {
        onTurn: (turn, messages) =>
          void seen.push({ turn, roles: messages.map(({ role }) => role) }),
      },
    );
    expect(seen.map(({ roles }) => roles)).toEqual([['assistant', 'tool'], ['assistant']]);
    expect(seen.map(({ turn }) => turn)).toEqual(result.turns);
    expect(result.turns[0]).toMatchObject({
      index: 1,
      finishReason: 'tool_calls',
      promptTokens: 10,
      toolCalls: 1,
    });
    expect(result.usage).toEqual({
      promptTokens: 30,
      completionTokens: 7,
      modelCalls: 2,
      modelRetries: 0,
    });
  });

  it('does not guess usage that one completion left unsaid', async () => {
    const { result } = await play([
      { calls: [{ name: 'echo' }], promptTokens: 10 },
      { text: 'Hi.' },
    ]);
    expect(result.usage).toEqual({ modelCalls: 2, modelRetries: 0 });
  });
});

describe('what a run leaves behind', () => {
  it('is no listener on the signal', async () => {
    const { signal } = new AbortController();
    const replies = [
      { calls: [{ name: 'echo' }, { name: 'fail' }, { name: 'hang' }] },
      { text: 'Hi.' },
    ];
    for (let run = 0; run < 3; run += 1) await play(replies, { signal, toolTimeoutMs: 5 });
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('is no request that changes afterwards', async () => {
    const kept: (readonly Message[])[] = [];
    const keep = (reply: ScriptedReply) => (request: { readonly messages: readonly Message[] }) => {
      kept.push(request.messages);
      return reply;
    };
    await play([keep({ calls: [{ name: 'echo' }] }), keep({ text: 'Hi.' })]);
    expect(kept.map(({ length }) => length)).toEqual([1, 3]);
  });

  it('is no usage that nobody reported', async () => {
    const { result } = await play([{ error: infrastructure() }]);
    expect(result.usage).toEqual({ modelCalls: 1, modelRetries: 0 });
  });
});

describe('calls that are answered without running', () => {
  const unrun = {
    handler: async () => {
      throw new Error('must not run');
    },
  };

  it('names the known tools, sorted, to a call of an unknown one', async () => {
    const { result } = await play([{ calls: [{ name: 'sing', args: '{}' }] }], unrun);
    expect(toolTexts(result.messages)).toEqual([
      `{"error":"Unknown tool 'sing'. Available tools: ['echo', 'fail', 'hang']"}`,
    ]);
    expect(result.toolCalls).toMatchObject({
      attempted: 0,
      schemaValid: 0,
      executedOk: 0,
      execError: 1,
      unknown: 1,
      tools: [],
    });
    expect(result.toolErrors).toMatchObject([
      { turn: 1, toolName: 'sing', arguments: '{}', error: "Unknown tool 'sing'" },
    ]);
  });

  it('keep what looked like a call and is none with their turn', async () => {
    const session = scriptedSession([{ text: '<tool_call>{' }]);
    const callDiagnostics = [{ kind: 'malformed', offset: 0, message: 'no JSON' }] as const;
    const { result } = await play([], {
      session: {
        ...session,
        complete: async (...asked) => ({ ...(await session.complete(...asked)), callDiagnostics }),
      },
    });
    expect(result.turns).toMatchObject([{ toolCalls: 0, callDiagnostics }]);
  });

  it('refuses cut-off arguments back to the model, which may go on', async () => {
    const { result, session } = await play(
      [{ calls: [{ name: 'echo', args: '{"text":"rm' }] }, { text: 'Sorry.' }],
      unrun,
    );
    expect(result.stopReason).toBe('natural');
    expect(toolTexts(session.requests[1]?.messages ?? [])[0]).toMatch(
      /^\{"error":"The arguments of 'echo' are not valid JSON/,
    );
    expect(result.toolCalls).toMatchObject({
      attempted: 1,
      schemaValid: 0,
      execError: 1,
      refused: 1,
      tools: [{ toolName: 'echo', calls: 1, errors: 1 }],
    });
    expect(result.messages[1]).toMatchObject({ toolCalls: [{ argumentsText: '{"text":"rm' }] });
    expect(result.messages[1]).not.toHaveProperty('toolCalls.0.argumentsJson');
  });

  it.each(['length', 'abort', 'content_filter'])(
    'never runs the calls of a completion that ended by %s',
    async (finishReason) => {
      const { result } = await play(
        [{ calls: [{ name: 'echo', args: { text: 'a' } }, { name: 'sing' }], finishReason }],
        unrun,
      );
      expect(toolTexts(result.messages)[0]).toBe(
        `{"error":"The completion was cut off; 'echo' was not run."}`,
      );
      expect(result.toolCalls).toMatchObject({
        attempted: 1,
        refused: 1,
        unknown: 1,
        execError: 2,
        executedOk: 0,
      });
    },
  );

  it("runs what the seed's profile lets pass", async () => {
    const { result } = await play([{ calls: [{ name: 'echo', args: 'plain' }] }], {
      argumentProfile: 'seed',
      handler: async ({ arguments: args }) => JSON.stringify(args),
    });
    expect(toolTexts(result.messages)).toEqual(['{"input":"plain"}']);
    expect(result.toolCalls).toMatchObject({
      attempted: 1,
      schemaValid: 0,
      coerced: 1,
      executedOk: 1,
      jsonSchemaValid: 0,
    });
  });
});

describe('tools', () => {
  it('run with what they need to know', async () => {
    const contexts: ToolContext[] = [];
    const state = { a: 1 };
    await play([{ calls: [{ name: 'echo', args: '"{\\"text\\":\\"a\\"}"', id: 'x' }] }], {
      state,
      settings: { b: 2 },
      handler: async (call, context) => {
        contexts.push(context);
        expect(call).toEqual({
          callId: 'x',
          name: 'echo',
          arguments: { text: 'a' },
          argumentsText: '"{\\"text\\":\\"a\\"}"',
        });
        return '';
      },
    });
    expect(contexts).toMatchObject([
      { rolloutId: 'r1', turn: 1, state: { a: 1 }, settings: { b: 2 } },
    ]);
    expect(contexts[0]?.state).toBe(state);
  });

  it('that throw are told to the model, and counted', async () => {
    for (const handler of [
      registry.handleFunctionCall,
      () => {
        throw new RangeError('no such row');
      },
    ]) {
      const { result } = await play([{ calls: [{ name: 'fail' }] }], { handler: handler as never });
      expect(toolTexts(result.messages)).toEqual([
        '{"error":"Tool execution failed: RangeError: no such row"}',
      ]);
      expect(result).toMatchObject({
        stopReason: 'natural',
        toolCalls: { attempted: 1, schemaValid: 1, execError: 1, executedOk: 0 },
      });
    }
  });

  it.each([
    ['{"error": "no"}', 1, 0],
    ['{"error": "no", "exit_code": -1}', 1, 1],
    ['{"exit_code": 1}', 0, 0],
  ])('whose result is %s count %i errors and %i rows', async (text, errors, rows) => {
    const { result } = await play([{ calls: [{ name: 'echo', args: { text: 'a' } }] }], {
      handler: async () => text,
    });
    expect(result.toolCalls.execError).toBe(errors);
    expect(result.toolErrors).toHaveLength(rows);
  });

  it('keep 200 and 500 code points in an error row', async () => {
    const long = '😀'.repeat(1_000);
    const text = JSON.stringify({ exit_code: -1, error: 'x', output: long });
    const { result } = await play([{ calls: [{ name: 'echo', args: { text: long } }] }], {
      handler: async () => text,
    });
    expect([...(result.toolErrors[0]?.arguments ?? '')]).toHaveLength(200);
    expect([...(result.toolErrors[0]?.toolResult ?? '')]).toHaveLength(500);
  });

  it('give text, whatever a handler returns', async () => {
    const { result } = await play([{ calls: [{ name: 'echo', args: { text: 'a' } }] }], {
      handler: (async () => ({ a: 1 })) as never,
    });
    expect(toolTexts(result.messages)).toEqual(['{"a":1}']);
  });

  it('are told by their JSON Schema apart from the seed’s schema_valid', async () => {
    const { result } = await play([
      {
        calls: [
          { name: 'echo', args: { text: 5 } },
          { name: 'echo', args: { text: 'a' } },
        ],
      },
    ]);
    expect(result.toolCalls).toMatchObject({ schemaValid: 2, jsonSchemaValid: 1, executedOk: 2 });
  });

  it('that lose their infrastructure end the rollout, typed, with every call answered', async () => {
    const { result } = await play(
      [{ calls: ['a', 'b', 'c'].map((text) => ({ name: 'echo', args: { text } })) }],
      {
        maxParallelToolCalls: 1,
        handler: async ({ arguments: args }) => {
          if (args['text'] === 'b') throw infrastructure();
          return 'ok';
        },
      },
    );
    expect(result).toMatchObject({
      stopReason: 'infrastructure_error',
      stopDetail: 'The engine is away.',
    });
    expect(toolTexts(result.messages)).toEqual([
      'ok',
      '{"error":"Tool execution failed: LachesisError: The engine is away."}',
      '{"error":"Not run: the rollout is ending."}',
    ]);
  });

  it('run at most so many at a time, and answer in call order', async () => {
    const clock = manualClock();
    let running = 0;
    let most = 0;
    const playing = play(
      [{ calls: [30, 10, 20, 5].map((ms) => ({ name: 'echo', args: { text: `${ms}` } })) }],
      {
        clock,
        maxParallelToolCalls: 2,
        handler: async ({ arguments: args }) => {
          running += 1;
          most = Math.max(most, running);
          await new Promise<void>((resolve) => clock.schedule(Number(args['text']), resolve));
          running -= 1;
          return String(args['text']);
        },
      },
    );
    await clock.advance(35);
    const { result } = await playing;
    expect(toolTexts(result.messages)).toEqual(['30', '10', '20', '5']);
    expect(most).toBe(2);
    expect(result.turns[0]?.toolDurationMs).toBe(35);
    expect(result.toolCalls.tools).toEqual([
      { toolName: 'echo', calls: 4, errors: 0, durationMs: 65 },
    ]);
    expect(clock.pending).toBe(0);
  });

  it('are stopped at their own deadline while others go on', async () => {
    const clock = manualClock();
    let reason: unknown;
    const playing = play(
      [{ calls: [{ name: 'hang' }, { name: 'echo', args: { text: 'a' } }] }, { text: 'Hi.' }],
      {
        clock,
        toolTimeoutMs: (name) => (name === 'hang' ? 50 : 1_000),
        handler: (call, context) => {
          if (call.name === 'hang')
            context.signal.addEventListener('abort', () => {
              reason = context.signal.reason;
            });
          return registry.handleFunctionCall(call, context);
        },
      },
    );
    await clock.advance(50);
    const { result } = await playing;
    expect(toolTexts(result.messages)).toEqual([
      `{"error":"Tool 'hang' timed out after 50 ms."}`,
      'a',
    ]);
    expect(reason).toMatchObject({ kind: 'deadline_exceeded', reason: 'TOOL_TIMEOUT' });
    expect(result).toMatchObject({
      stopReason: 'natural',
      toolCalls: { attempted: 2, timedOut: 1, execError: 1, executedOk: 1 },
    });
    expect(clock.pending).toBe(0);
  });
});

describe('model retries', () => {
  it('are made while the session says that they may help, within the budget, and counted', async () => {
    const { result } = await play([
      { error: infrastructure(0) },
      { error: infrastructure(0) },
      { text: 'Hi.' },
    ]);
    expect(result).toMatchObject({
      stopReason: 'natural',
      turnsUsed: 1,
      usage: { modelCalls: 3, modelRetries: 2 },
    });
  });

  it('end with the last error when the budget of the rollout is spent', async () => {
    const away = { error: infrastructure(0) };
    const { result } = await play([away, { calls: [{ name: 'echo' }] }, away, away], {
      modelRetries: { max: 2 },
    });
    expect(result).toMatchObject({
      stopReason: 'infrastructure_error',
      turnsUsed: 2,
      usage: { modelCalls: 4, modelRetries: 2 },
    });
  });

  it('wait longer each time, and at least as long as they are told', async () => {
    const clock = manualClock();
    const playing = play(
      [
        { error: infrastructure(0) },
        { error: infrastructure(0) },
        { error: infrastructure(7_000) },
      ],
      {
        clock,
        modelRetries: { max: 3, backoff: { initialMs: 100, maxMs: 150 } },
      },
    );
    await clock.advance(100 + 150 + 7_000 - 1);
    expect(clock.pending).toBe(1);
    await clock.advance(1);
    expect((await playing).result.stopReason).toBe('natural');
    expect(clock.pending).toBe(0);
  });
});

describe('an abort', () => {
  it.each([
    ['a wish', new Error('no more'), 'cancelled'],
    ['a time limit', new DOMException('late', 'TimeoutError'), 'deadline'],
    [
      'our own deadline',
      new LachesisError('deadline_exceeded', 'late', { reason: 'LATE' }),
      'deadline',
    ],
    ['a plain abort', undefined, 'cancelled'],
  ])('by %s ends a model call', async (_name, reason, stopReason) => {
    const controller = new AbortController();
    const abort = (): ScriptedReply => {
      setImmediate(() => controller.abort(reason));
      return { hang: 'until_abort' };
    };
    const { result } = await play([{ calls: [{ name: 'echo' }] }, abort], {
      signal: controller.signal,
    });
    expect(result).toMatchObject({ stopReason, turnsUsed: 2, toolCalls: { attempted: 1 } });
    expect(result.turns).toHaveLength(1);
  });

  it('waits for a model call to end, but not for ever', async () => {
    const clock = manualClock();
    const controller = new AbortController();
    const playing = play([{ hang: 'forever' }], {
      clock,
      signal: controller.signal,
      abortGraceMs: 500,
    });
    await clock.advance(10);
    controller.abort(new Error('stop'));
    await clock.advance(499);
    expect(clock.pending).toBe(1);
    await clock.advance(1);
    expect((await playing).result).toMatchObject({
      stopReason: 'cancelled',
      usage: { modelCalls: 1 },
    });
  });

  it('reaches the running tools, and answers every call', async () => {
    const clock = manualClock();
    const controller = new AbortController();
    const signals: AbortSignal[] = [];
    const playing = play(
      [{ calls: [{ name: 'hang' }, { name: 'hang' }, { name: 'echo', args: { text: 'a' } }] }],
      {
        clock,
        signal: controller.signal,
        maxParallelToolCalls: 2,
        handler: (call, context) => {
          signals.push(context.signal);
          return registry.handleFunctionCall(call, context);
        },
      },
    );
    await clock.advance(1);
    controller.abort(new Error('stop'));
    const { result } = await playing;
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
    expect(toolTexts(result.messages)).toEqual(
      Array(3).fill('{"error":"Tool call cancelled: stop"}'),
    );
    expect(result).toMatchObject({
      stopReason: 'cancelled',
      toolCalls: { attempted: 3, execError: 3, timedOut: 0 },
    });
    expect(clock.pending).toBe(0);
  });

  it('ends the wait before a retry', async () => {
    const clock = manualClock();
    const controller = new AbortController();
    const playing = play([{ error: infrastructure(60_000) }], { clock, signal: controller.signal });
    await clock.advance(10);
    controller.abort(new DOMException('late', 'TimeoutError'));
    expect((await playing).result).toMatchObject({
      stopReason: 'deadline',
      usage: { modelCalls: 1, modelRetries: 1 },
    });
    expect(clock.pending).toBe(0);
  });

  it('does not undo an answer that came with it', async () => {
    const controller = new AbortController();
    const answer = (): ScriptedReply => {
      controller.abort(new Error('stop'));
      return { text: 'Hi.' };
    };
    expect((await play([answer], { signal: controller.signal })).result.stopReason).toBe('natural');
  });

  it('ends a hook that waits', async () => {
    const controller = new AbortController();
    const { result } = await play([{ calls: [{ name: 'echo' }] }], {
      signal: controller.signal,
      isDone: () => {
        controller.abort(new Error('stop'));
        return new Promise(() => {});
      },
    });
    expect(result.stopReason).toBe('cancelled');
  });
});
