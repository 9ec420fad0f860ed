import { describe, expect, it } from 'vitest';
import {
  type AgentOptions,
  type BeforeToolCall,
  checkAgentSettings,
  limitToolCalls,
  runAgent,
  type ToolCallAnswered,
} from '../../src/agent/index.ts';
import { type Message, textContent, textOf } from '../../src/messages.ts';
import { createToolRegistry, tool } from '../../src/tools/index.ts';
import { eagerClock } from '../support/manual-clock.ts';
import { type ScriptedReply, scriptedSession } from '../support/scripted-session.ts';

async function play(
  replies: readonly ScriptedReply[],
  options: Partial<AgentOptions<{ secret: number }>> = {},
) {
  const ran: unknown[] = [];
  const registry = createToolRegistry(
    ['echo', 'other'].map((name) =>
      tool({
        name,
        description: '',
        parameters: { type: 'object', properties: { text: { type: 'string' } } },
        execute: (args) => {
          ran.push(args['text']);
          return String(args['text']);
        },
      }),
    ),
  );
  const session = scriptedSession(replies);
  const result = await runAgent<{ secret: number }>({
    session,
    messages: [{ role: 'user', content: textContent('Go.') }],
    tools: registry.definitions,
    handler: registry.handleFunctionCall,
    rolloutId: 'r1',
    state: { secret: 7 },
    clock: eagerClock(),
    random: () => 0,
    maxParallelToolCalls: 1,
    ...options,
  });
  return { ran, result, session };
}
const echo = (text: string, name = 'echo') => ({ name, args: { text } });
const results = (messages: readonly Message[]) =>
  messages.filter(({ role }) => role === 'tool').map(textOf);

describe('hooks before a tool call', () => {
  const when =
    (text: string, hook: BeforeToolCall): BeforeToolCall =>
    (call, context) =>
      call.arguments['text'] === text ? hook(call, context) : { kind: 'run' };

  it('may rewrite arguments: the transcript says what ran and what the model wrote', async () => {
    const hooks = {
      beforeToolCall: [
        when('a', () => ({ kind: 'run', arguments: { text: 'b' } })),
        when('b', async () => ({ kind: 'run', arguments: { text: 'c' } })),
      ],
    };
    const { ran, result } = await play([{ calls: [echo('a')] }, { text: 'ok' }], { hooks });
    expect(ran).toEqual(['c']);
    expect(result.messages[1]).toMatchObject({
      toolCalls: [{ argumentsText: '{"text":"a"}', argumentsJson: '{"text":"c"}' }],
    });
    expect(result).toMatchObject({
      stopReason: 'natural',
      toolCalls: { executedOk: 1, refused: 0 },
    });
  });

  it('may block a call: the model is told and goes on', async () => {
    const hooks = { beforeToolCall: [when('a', () => ({ kind: 'block', message: 'Not here.' }))] };
    const { ran, result } = await play([{ calls: [echo('a'), echo('b')] }, { text: 'ok' }], {
      hooks,
    });
    expect(ran).toEqual(['b']);
    expect(results(result.messages)).toEqual(['{"error":"Not here."}', 'b']);
    expect(result).toMatchObject({
      stopReason: 'natural',
      toolCalls: { attempted: 2, executedOk: 1, execError: 1, refused: 1 },
      toolErrors: [{ error: 'Not here.', turn: 1 }],
    });
  });

  it('may stop the rollout before a call runs: those before it ran, none after it does', async () => {
    const hooks = { beforeToolCall: [when('b', () => ({ kind: 'stop', detail: 'Enough.' }))] };
    const calls = [echo('a'), echo('b'), echo('c')];
    const { ran, result, session } = await play([{ calls }, { text: 'never' }], { hooks });
    expect(ran).toEqual(['a']);
    expect(results(result.messages)).toHaveLength(3);
    expect(result).toMatchObject({ stopReason: 'environment_done', stopDetail: 'Enough.' });
    expect(session.requests).toHaveLength(1);
  });

  it('are asked in order, in call order, and only for calls that could run', async () => {
    const asked: string[] = [];
    const note =
      (hook: string): BeforeToolCall<{ secret: number }> =>
      ({ id, name }, { callsBefore, callsOfToolBefore, messages, rolloutId, state, turn }) => {
        asked.push([hook, id, name, callsBefore, callsOfToolBefore].join(' '));
        expect([rolloutId, state.secret, turn, messages.length]).toEqual(['r1', 7, 1, 1]);
        return hook === 'second' && id === 'c2' ? { kind: 'block', message: 'x' } : { kind: 'run' };
      };
    const calls = [
      echo('a'),
      { name: 'nobody', args: {} },
      { name: 'echo', args: '{"text":' },
      echo('b', 'other'),
      echo('c'),
    ].map((call, at) => ({ ...call, id: `c${at}` }));
    calls[4] = { ...calls[4]!, id: 'c4' };
    await play([{ calls }, { text: 'ok' }], {
      hooks: { beforeToolCall: [note('first'), note('second'), note('third')] },
    });
    expect(asked).toEqual([
      'first c0 echo 0 0',
      'second c0 echo 0 0',
      'third c0 echo 0 0',
      'first c3 other 3 0',
      'second c3 other 3 0',
      'third c3 other 3 0',
      'first c4 echo 4 2',
      'second c4 echo 4 2',
      'third c4 echo 4 2',
    ]);
  });

  const cycle: Record<string, unknown> = {};
  cycle['text'] = cycle;
  const broken: readonly (readonly [string, BeforeToolCall])[] = [
    [
      'throws',
      () => {
        throw new RangeError('broken');
      },
    ],
    ['rejects', () => Promise.reject(new RangeError('broken'))],
    ['gives arguments that are no JSON', () => ({ kind: 'run', arguments: cycle as never })],
    ['gives arguments that are no object', () => ({ kind: 'run', arguments: [] as never })],
    ['decides nothing', () => undefined as never],
    ['decides what there is not', () => ({ kind: 'allow' }) as never],
  ];
  it.each(broken)('that %s is the environment’s error; pairs stay whole', async (_, hook) => {
    const { ran, result } = await play([{ calls: [echo('a'), echo('b')] }], {
      hooks: { beforeToolCall: [hook] },
    });
    expect(ran).toEqual([]);
    expect(result.stopReason).toBe('environment_error');
    expect(results(result.messages)).toHaveLength(2);
  });

  const detailed: readonly (readonly [unknown, string])[] = [
    [undefined, 'gave nothing, not a decision { kind }.'],
    [{ kind: 'allow' }, "decided 'allow', not run, block, stop."],
    [{ kind: 'block' }, 'blocked a call with nothing as its message, not a text.'],
    [{ kind: 'stop' }, 'stopped with nothing as its detail, not a text.'],
    [{ kind: 'run', arguments: [] }, 'gave a list as arguments, not an object of JSON.'],
  ];
  it.each(detailed)('that gives %j is named, by its place in the list', async (given, told) => {
    const hooks = { beforeToolCall: [() => ({ kind: 'run' }) as const, () => given as never] };
    const { result } = await play([{ calls: [echo('a')] }], { hooks, limits: { maxToolCalls: 9 } });
    expect(result.stopDetail).toBe(`The beforeToolCall hook 2 ${told}`);
  });

  it('that hangs ends with the run’s signal', async () => {
    const clock = eagerClock();
    const controller = new AbortController();
    clock.schedule(50, () => controller.abort(new Error('over')));
    let asked = 0;
    const hang: BeforeToolCall = () => {
      asked += 1;
      return new Promise(() => {});
    };
    const { ran, result } = await play([{ calls: [echo('a'), echo('b')] }], {
      clock,
      hooks: { beforeToolCall: [hang] },
      signal: controller.signal,
    });
    expect(ran).toEqual([]);
    expect(asked).toBe(1);
    expect(result).toMatchObject({ stopReason: 'cancelled', stopDetail: 'over' });
  });
});

describe('limits', () => {
  it('end the rollout at the call after the last one allowed', async () => {
    const replies = [{ calls: [echo('a')] }, { calls: [echo('b'), echo('c')] }, { text: 'ok' }];
    const two = await play(replies, { limits: { maxToolCalls: 2 } });
    expect(two.ran).toEqual(['a', 'b']);
    expect(two.result).toMatchObject({
      stopReason: 'max_tool_calls',
      stopDetail: 'The limit of 2 tool calls was reached.',
      turnsUsed: 2,
    });
    const three = await play(replies, { limits: { maxToolCalls: 3 } });
    expect(three.result.stopReason).toBe('natural');
    const none = await play(replies, { limits: { maxToolCalls: 0 } });
    expect(none.ran).toEqual([]);
  });

  it('of one tool are a hook among others', async () => {
    const calls = [echo('a'), echo('b', 'other'), echo('c'), echo('d', 'other'), echo('e')];
    const { ran, result } = await play([{ calls }], {
      hooks: { beforeToolCall: [limitToolCalls(1, 'other')] },
    });
    expect(ran).toEqual(['a', 'b', 'c']);
    expect(result.stopDetail).toBe("The limit of 1 calls of 'other' was reached.");
  });

  it('of sampled tokens cap each call and end the rollout when they are used up', async () => {
    const { ran, result, session } = await play(
      [
        { calls: [echo('a')], completionTokens: 6 },
        { calls: [echo('b')], completionTokens: 4 },
      ],
      { limits: { maxSampledTokens: 10 }, sampling: { maxTokens: 8 } },
    );
    expect(session.requests.map(({ sampling }) => sampling.maxTokens)).toEqual([8, 4]);
    expect(ran).toEqual(['a', 'b']);
    expect(result).toMatchObject({ stopReason: 'max_tokens', turnsUsed: 2 });
  });

  it('tell a completion that they cut off from one that its own length did', async () => {
    const cut = (completionTokens: number) =>
      play([{ text: 'x', finishReason: 'length', completionTokens }], {
        limits: { maxSampledTokens: 10 },
      });
    expect((await cut(10)).result.stopReason).toBe('max_tokens');
    expect((await cut(9)).result.stopReason).toBe('length');
  });

  it('estimate the tokens of a server that does not tell them', async () => {
    const { result, session } = await play(
      [{ text: 'x'.repeat(400), calls: [echo('a')] }, { text: 'never' }],
      { limits: { maxSampledTokens: 100 } },
    );
    expect(result.stopReason).toBe('max_tokens');
    expect(session.requests).toHaveLength(1);
  });
});

describe('hooks after a tool call', () => {
  it('rewrite what the model is told, in order, and see whether it is an error', async () => {
    const seen: unknown[] = [];
    const hooks = {
      afterToolCall: [
        ({ result, isError, arguments: args }: ToolCallAnswered) => {
          seen.push([result, isError, args]);
          return `${result}!`;
        },
        async ({ result }: ToolCallAnswered) => (result === 'b!' ? undefined : `<${result}>`),
      ],
    };
    const calls = [echo('a'), echo('b'), { name: 'unknown', args: {} }];
    const { result } = await play([{ calls }, { text: 'ok' }], { hooks });
    expect(results(result.messages).slice(0, 2)).toEqual(['<a!>', 'b!']);
    // A call that did not run has no result.
    expect(seen).toEqual([
      ['a', false, { text: 'a' }],
      ['b', false, { text: 'b' }],
    ]);
  });

  it('change nothing of what is counted', async () => {
    const hooks = { afterToolCall: [() => 'fine'] };
    const handler = async () => '{"error": "broken"}';
    const { result } = await play([{ calls: [echo('a')] }, { text: 'ok' }], { hooks, handler });
    expect(results(result.messages)).toEqual(['fine']);
    expect(result.toolCalls).toMatchObject({ executedOk: 0, execError: 1 });
  });

  it.each<[string, () => unknown, string]>([
    ['throw', () => Promise.reject(new Error('bug')), 'threw: bug'],
    ['reject with nothing', () => Promise.reject(), 'threw: undefined'],
    ['give no text', () => 7, 'gave a number, not a text.'],
  ])('that %s end the rollout as the environment’s error', async (_, hook, told) => {
    const hooks = { afterToolCall: [() => undefined, hook as () => string] };
    const { result } = await play([{ calls: [echo('a')] }, { text: 'never' }], { hooks });
    expect(result).toMatchObject({
      stopReason: 'environment_error',
      stopDetail: `The afterToolCall hook 2 ${told}`,
    });
    expect(results(result.messages)).toEqual(['a']);
  });
});

describe('the limit of a result', () => {
  const limited = (maxResultCharacters: number, options: Parameters<typeof play>[1] = {}) => ({
    limits: { maxResultCharacters },
    ...options,
  });
  const isBounded = (messages: readonly Message[], max: number) =>
    results(messages).every((text) => [...text].length <= max);

  it('holds for every tool message: ran, unknown, refused, blocked, failed', async () => {
    const long = 'x'.repeat(500);
    const calls = [
      echo(long),
      { name: long, args: {} },
      { name: 'echo', args: `{"text":"${long}` },
      echo('block'),
      echo('fail'),
    ];
    const handler = async ({ arguments: { text } }: { arguments: Record<string, unknown> }) => {
      if (text === 'fail') throw new Error(long);
      return String(text);
    };
    const block: BeforeToolCall = ({ arguments: { text } }) =>
      text === 'block' ? { kind: 'block', message: long } : { kind: 'run' };
    const hooks = { beforeToolCall: [block] };
    const { result } = await play(
      [{ calls }, { text: 'ok' }],
      limited(100, { handler: handler as never, hooks }),
    );
    expect(results(result.messages)).toHaveLength(5);
    expect(results(result.messages).filter((text) => text.length === 100)).toHaveLength(5);
    const errors = results(result.messages).slice(1);
    expect(errors.map((text) => typeof JSON.parse(text).error)).toEqual(Array(4).fill('string'));
    expect(result.toolErrors.every(({ toolResult }) => toolResult.length <= 100)).toBe(true);
  });

  it('holds when a hook failed before it, and when the signal has fired', async () => {
    const text = 'x'.repeat(500);
    const fails = { afterToolCall: [() => 'y'.repeat(500), () => 7 as never] };
    const failed = await play([{ calls: [echo(text)] }], limited(90, { hooks: fails }));
    expect(failed.result.stopReason).toBe('environment_error');
    const controller = new AbortController();
    const aborts = async () => {
      controller.abort(new Error(text));
      return text;
    };
    const { signal } = controller;
    const aborted = await play([{ calls: [echo(text)] }], limited(90, { handler: aborts, signal }));
    expect(aborted.result.stopReason).toBe('cancelled');
    for (const { result } of [failed, aborted]) {
      expect(results(result.messages)).toHaveLength(1);
      expect(isBounded(result.messages, 90)).toBe(true);
    }
  });
});

describe('prompt views in the loop', () => {
  const long = (text: string) => echo(text.repeat(4_000));
  const replies = ['a', 'b', 'c', 'd'].map((text) => ({ calls: [long(text)] }));

  it('leave the transcript whole and say what was left out', async () => {
    const { result, session } = await play([...replies, { text: 'ok' }], { contextTokens: 4_000 });
    expect(result.stopReason).toBe('natural');
    expect(results(result.messages).every((text) => text.length === 4_000)).toBe(true);
    expect(result.messagesTruncated).toBeGreaterThan(0);
    const last = session.requests.at(-1)!;
    expect(last.transcriptIndexes).toHaveLength(last.messages.length);
    const { view } = result.turns.at(-1)!;
    expect(view!.shortened + view!.dropped).toBe(result.messagesTruncated);
    expect(view!.tokens).toBeLessThanOrEqual(4_000);
    expect(last.messages.at(-1)).toEqual(result.messages.at(-2));
  });

  it('are off without a budget', async () => {
    const { result, session } = await play([...replies, { text: 'ok' }]);
    expect(session.requests.every((request) => !('transcriptIndexes' in request))).toBe(true);
    expect(result.messagesTruncated).toBe(0);
    expect(result.turns.every((turn) => !('view' in turn))).toBe(true);
  });

  it('that cannot fit end the rollout before the call; the seed asks all the same', async () => {
    const messages = [{ role: 'user', content: textContent('x'.repeat(4_000)) }] as const;
    const safe = await play([{ text: 'ok' }], { messages, contextTokens: 500 });
    expect(safe.result).toMatchObject({ stopReason: 'context_overflow', turnsUsed: 0 });
    expect(safe.result.stopDetail).toMatch(/take \d+ tokens; contextTokens is 500/);
    expect(safe.session.requests).toHaveLength(0);
    const seed = await play([{ text: 'ok' }], { messages, contextTokens: 500, promptView: 'seed' });
    expect(seed.result).toMatchObject({
      stopReason: 'natural',
      turns: [{ view: { overBudget: true, tokens: 1_010 } }],
    });
  });

  it('are counted by the session’s own tokenizer where it has one, each message once', async () => {
    const session = scriptedSession([{ calls: [echo('a')] }, { text: 'ok' }]);
    const counted: number[] = [];
    const countTokens = (messages: readonly Message[], tools: readonly unknown[]) => {
      counted.push(messages.length);
      return 5 + 100 * messages.length + tools.length;
    };
    const { result } = await play([], {
      session: Object.assign(session, { countTokens }),
      contextTokens: 1_000,
    });
    expect(result.turns.map(({ view }) => view!.tokens)).toEqual([107, 307]);
    expect(counted.filter((length) => length === 1)).toHaveLength(3);
  });
});

describe('agent settings', () => {
  const table: readonly (readonly [string, object])[] = [
    ['maxTurns', { maxTurns: -1 }],
    ['contextTokens', { contextTokens: 0 }],
    ['promptView', { promptView: 'Seed' }],
    ['argumentProfile', { argumentProfile: 'loose' }],
    ['modelRetries.max', { modelRetries: { max: 0.5 } }],
    ['maxParallelToolCalls', { maxParallelToolCalls: 0 }],
    ['toolChoice', { toolChoice: 'any' }],
    ['hooks.beforeToolCall', { hooks: { beforeToolCall: () => ({ kind: 'run' }) } }],
    ['hooks.afterToolCall', { hooks: { afterToolCall: ['x'] } }],
    ['limits.maxResultCharacters', { limits: { maxResultCharacters: 0 } }],
    ['limits.maxToolCalls', { limits: { maxToolCalls: -1 } }],
    ['limits.maxSampledTokens', { limits: { maxSampledTokens: 0 } }],
    ['maxTurn', { maxTurn: 3 }],
    ['hooks', { hooks: [() => undefined] }],
    ['hooks.afterTollCall', { hooks: { afterTollCall: [] } }],
    ['limits', { limits: 3 }],
    ['limits.maxResultCharacter', { limits: { maxResultCharacter: 100 } }],
    ['modelRetries', { modelRetries: 3 }],
    ['modelRetries.maximum', { modelRetries: { maximum: 3 } }],
    ['modelRetries.backoff.initial', { modelRetries: { backoff: { initial: 3 } } }],
    ['modelRetries.backoff.maxMs', { modelRetries: { backoff: { maxMs: -1 } } }],
  ];
  it.each(table)('name a wrong %s', (field, settings) => {
    expect(() => checkAgentSettings(settings)).toThrow(
      expect.objectContaining({ kind: 'invalid_input', field }),
    );
  });

  it('may all be left out', () => {
    checkAgentSettings({});
  });
});
