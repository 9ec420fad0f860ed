import { describe, expect, test } from 'vitest';
import { type AgentOptions, runAgent } from '../../src/agent/index.ts';
import { systemClock } from '../../src/async/index.ts';
import { LachesisError } from '../../src/errors.ts';
import { textContent, textOf } from '../../src/messages.ts';
import type { ModelSession } from '../../src/models/index.ts';
import {
  emptyLedger,
  type Ledger,
  ledgerBalance,
  settle,
  type TrainingPolicy,
  trainedLength,
} from '../../src/tokens/index.ts';
import {
  type AnyTool,
  createToolRegistry,
  ModelFailure,
  type ToolContext,
  type ToolModel,
  tool,
} from '../../src/tools/index.ts';
import { say } from '../models/chatml.ts';
import { eagerClock } from '../support/manual-clock.ts';
import { scriptedSession } from '../support/scripted-session.ts';
import { type Asked, spelled, terseModel } from '../support/terse-model.ts';

const POLICIES: readonly TrainingPolicy[] = ['strict', 'realign', 'fork', 'mask'];
const never = new Promise<never>(() => {});

/** A tool without arguments. */
const does = (
  name: string,
  execute: (context: ToolContext) => Promise<string> | string,
  timeoutMs?: number,
): AnyTool =>
  tool({
    name,
    description: '',
    parameters: { type: 'object' },
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    execute: (_, context) => execute(context),
  });

const look = does('look', () => 'red');
const critic = (options: Partial<Parameters<ToolModel['run']>[0]> = {}) =>
  does('critic', async ({ model }) => {
    const judged = { agent: 'critic', systemPrompt: 'you judge', prompt: 'judge it' };
    return (await model.run({ ...judged, tools: [look], ...options })).text;
  });

/** What everybody here says, by who it is and how often it has spoken. */
const SAYS: Readonly<Record<string, readonly string[]>> = {
  // 6 tokens and 5; what the first one calls is put in by the test.
  'you act': ['!plan', 'done'],
  // 3
  'you plan': ['up'],
  // 6 and 5
  'you judge': ['!look', 'fine'],
};
const script =
  (opening = '!plan') =>
  ({ system, turn }: Asked): string =>
    system === 'you act' && turn === 0 ? opening : (SAYS[system]?.[turn] ?? '?');

async function play(
  session: ModelSession,
  tools: readonly AnyTool[],
  options: Partial<AgentOptions> = {},
) {
  const registry = createToolRegistry(tools);
  return runAgent({
    session,
    messages: [say('system', 'you act'), say('user', 'go')],
    tools: registry.definitions,
    handler: registry.callTool,
    rolloutId: 'r',
    state: undefined,
    clock: eagerClock(),
    random: () => 0,
    ...options,
  });
}

async function played(
  tools: readonly AnyTool[],
  says: Parameters<typeof terseModel>[0],
  options: Partial<AgentOptions> = {},
) {
  const model = terseModel(says);
  const session = model.openSession({ rolloutId: 'r', announcedVersion: () => 1 });
  const result = await play(session, tools, options);
  const record = session.record();
  const sampledTokens = record.sampledTokens ?? 0;
  const under = (policy: TrainingPolicy) =>
    settle({
      ...{ rolloutId: 'r', segments: record.segments, calls: record.calls, policy },
      sampledTokens,
      ...{ maxRowTokens: 0, masked: false },
    });
  const toolTexts = result.messages.filter(({ role }) => role === 'tool').map(textOf);
  return { model, result, record, under, toolTexts };
}

type Expected = readonly [rows: number, buckets: Partial<Ledger>];
const everywhere = (expected: Expected): Record<TrainingPolicy, Expected> => ({
  strict: expected,
  realign: expected,
  fork: expected,
  mask: expected,
});

describe('what a tool asks and what its sub-agents say is in the ledger', () => {
  const plan = (purpose?: string) =>
    does('plan', async ({ model }) => {
      const options = purpose === undefined ? {} : { purpose };
      return (await model.ask([say('system', 'you plan'), say('user', 'plan')], options)).text;
    });
  /** The critic's second answer comes too late; 4 of its 5 tokens were sampled by then. */
  const slow = (asked: Asked) =>
    asked.system === 'you judge' && asked.turn === 1
      ? { tokenIds: spelled('fine'), after: never, sampledBeforeAbort: 4 }
      : script('!critic')(asked);

  // Main: what it calls with, an end token, and `done` with one.
  const table: readonly (readonly [
    string,
    readonly AnyTool[],
    Parameters<typeof terseModel>[0],
    Record<TrainingPolicy, Expected>,
  ])[] = [
    [
      'asked by the way (3 of 14)',
      [plan()],
      script(),
      everywhere([1, { trained: 11, notForTraining: 3 }]),
    ],
    ['asked in order to act (14)', [plan('act')], script(), everywhere([2, { trained: 14 }])],
    [
      'a sub-agent with a tool of its own (11 of 24)',
      [critic()],
      script('!critic'),
      everywhere([2, { trained: 24 }]),
    ],
    [
      'a sub-agent that is not to be trained (11 of 24)',
      [critic({ purpose: 'judge' })],
      script('!critic'),
      everywhere([1, { trained: 13, notForTraining: 11 }]),
    ],
    [
      'two of one name at the same time, with the very same prompts (22 of 42)',
      [critic()],
      script('!critic!critic'),
      everywhere([3, { trained: 42 }]),
    ],
    [
      'one that outlives its deadline (10 of 23)',
      [does('critic', (context) => critic().execute({}, context), 1_000)],
      slow,
      {
        ...everywhere([2, { trained: 19, abandonedRetry: 4 }]),
        mask: [2, { maskedByFailure: 19, abandonedRetry: 4 }],
      },
    ],
  ];

  test.each(
    table.flatMap(([name, tools, says, by]) =>
      POLICIES.map((policy) => [name, policy, tools, says, by[policy]] as const),
    ),
  )('%s, under %s', async (_, policy, tools, says, [rowCount, buckets]) => {
    const { result, under } = await played(tools, says);
    expect(result.stopReason).toBe('natural');
    const { ledger, rows } = under(policy);
    const sampled = Object.values(buckets).reduce((sum, tokens) => sum + tokens, 0);
    expect(ledger).toEqual({ ...emptyLedger(), sampled, ...buckets });
    expect(ledgerBalance(ledger)).toBe(0);
    expect(rows).toHaveLength(rowCount);
    expect(rows.reduce((sum, row) => sum + trainedLength(row.spans), 0)).toBe(ledger.trained);
  });
});

describe('lineage', () => {
  test('a sub-agent’s calls name who called, what for, and the call before', async () => {
    const { record } = await played([critic()], script('!critic'));
    expect(record.calls).toMatchObject([
      { index: 0, callId: '#0', parentCallId: '', agent: '', purpose: '' },
      { index: 1, callId: '#1', parentCallId: '#0', agent: 'critic', purpose: 'act' },
      { index: 2, callId: '', parentCallId: '#1', agent: 'critic', purpose: 'act' },
      { index: 3, callId: '', parentCallId: '', agent: '' },
    ]);
    expect(record.segments).toMatchObject([
      { id: 's0', agent: '', reason: 'start' },
      { id: 's1', agent: 'critic', reason: 'sub_agent', parent: undefined },
    ]);
  });

  test('two sub-agents of one name with the same prompts keep to their own conversations', async () => {
    const { record } = await played([critic()], script('!critic!critic'));
    const ofCritics = record.segments.filter(({ agent }) => agent === 'critic');
    expect(ofCritics.map(({ reason, parent }) => [reason, parent])).toEqual([
      ['sub_agent', undefined],
      ['sub_agent', undefined],
    ]);
    for (const { spans } of ofCritics) {
      const calls = spans.flatMap(({ callIndex = [] }) => callIndex);
      expect(new Set(calls).size).toBe(2);
    }
  });

  test('a sub-agent of a sub-agent is set off by the call that called it', async () => {
    const boss = does('boss', async ({ model }) => {
      const options = { agent: 'boss', systemPrompt: 'you direct', prompt: 'see to it' };
      return (await model.run({ ...options, tools: [critic()] })).text;
    });
    const { record, result } = await played([boss], (asked) =>
      asked.system === 'you direct' ? ['!critic', 'so'][asked.turn]! : script('!boss')(asked),
    );
    expect(record.calls.map(({ agent, parentCallId }) => [agent, parentCallId])).toEqual([
      ['', ''],
      ['boss', '#0'],
      ['critic', '#1'],
      ['critic', '#2'],
      ['boss', '#1'],
      ['', ''],
    ]);
    expect(result).toMatchObject({ usage: { modelCalls: 2 }, toolCalls: { attempted: 1 } });
  });

  test('a conversation goes on when an answer is handed back, also at a later call of the tool', async () => {
    const held: Parameters<ToolModel['ask']>[0][] = [];
    const chat = does('chat', async ({ model }) => {
      const before = Array.isArray(held.at(-1)) ? held.at(-1) : [say('system', 'you chat')];
      const messages = [...(before as never[]), say('user', 'well?')];
      const { message } = await model.ask(messages);
      held.push([...messages, message]);
      return 'ok';
    });
    const { record, under } = await played([chat], ({ system, turn }) =>
      system === 'you chat' ? `so ${turn}` : (['!chat', '!chat', 'done'][turn] as string),
    );
    expect(record.segments).toHaveLength(2);
    expect(record.segments[1]).toMatchObject({ agent: 'chat', reason: 'sub_agent' });
    // `so 0` and `so 1`.
    expect(under('strict').ledger.notForTraining).toBe(10);
    expect(record.calls.map(({ parentCallId }) => parentCallId)).toEqual(['', '#0', '', '#1', '']);
  });

  test('a server without tokens is told who calls, and has no calls to name', async () => {
    const session = scriptedSession([
      { calls: [{ name: 'critic' }] },
      { calls: [{ name: 'look' }] },
      { text: 'fine' },
    ]);
    const result = await play(session, [critic()]);
    expect(result).toMatchObject({ stopReason: 'natural', usage: { modelCalls: 2 } });
    const lineage = { agent: 'critic', purpose: 'act' };
    expect(session.requests.map((request) => request.lineage)).toEqual([
      undefined,
      lineage,
      lineage,
      undefined,
    ]);
  });
});

test('the four tool metrics, the turns and the transcript stay the main agent’s', async () => {
  const { record, result, toolTexts } = await played([critic()], script('!critic'));
  expect(result.toolCalls).toMatchObject({ attempted: 1, schemaValid: 1, executedOk: 1 });
  expect(result.toolCalls.tools.map(({ toolName }) => toolName)).toEqual(['critic']);
  expect(result).toMatchObject({ turnsUsed: 2, usage: { modelCalls: 2, completionTokens: 13 } });
  expect(toolTexts).toEqual(['fine']);
  expect(record).toMatchObject({ modelCalls: 4, sampledTokens: 24 });
});

describe('a sub-agent', () => {
  test('says how it ended', async () => {
    const seen: unknown[] = [];
    const limited = does('critic', async ({ model }) => {
      const { messages, ...result } = await model.run({
        ...{ agent: 'critic', systemPrompt: 'you judge', prompt: 'judge it' },
        ...{ tools: [look], maxTurns: 1 },
      });
      seen.push(
        result,
        messages.map(({ role }) => role),
      );
      return 'ok';
    });
    await played([limited], script('!critic'));
    expect(seen).toEqual([
      {
        text: '',
        stopReason: 'max_turns',
        stopDetail: 'The limit of 1 turns was reached.',
        turns: 1,
      },
      ['system', 'user', 'assistant', 'tool'],
    ]);
  });

  test('that its own signal ends gives what it has', async () => {
    const slow = (asked: Asked) =>
      asked.system === 'you judge' && asked.turn === 1
        ? { after: never }
        : script('!critic')(asked);
    const controller = new AbortController();
    let ended: unknown;
    const timed = does('critic', async ({ model }) => {
      const options = { agent: 'critic', systemPrompt: 'you judge', prompt: 'judge it' };
      const stop = does('look', () => {
        setImmediate(() =>
          controller.abort(new LachesisError('deadline_exceeded', 'enough', { reason: 'X' })),
        );
        return 'red';
      });
      ended = await model.run({ ...options, tools: [stop], signal: controller.signal });
      return 'ok';
    });
    const { result } = await played([timed], slow);
    expect(ended).toMatchObject({ stopReason: 'deadline', stopDetail: 'enough', turns: 2 });
    expect(result.stopReason).toBe('natural');
  });

  test('ends with the rollout', async () => {
    const controller = new AbortController();
    const { model, result } = await played(
      [critic()],
      (asked) => {
        if (asked.system !== 'you judge') return script('!critic')(asked);
        setImmediate(() => controller.abort());
        return { after: never };
      },
      { signal: controller.signal },
    );
    expect(result.stopReason).toBe('cancelled');
    expect(model.engine.calls.map(({ state }) => state)).toEqual(['answered', 'aborted']);
  });
});

describe('a tool call that ends', () => {
  test('aborts what it did not wait for, and the record has it', async () => {
    let late: ToolModel | undefined;
    const hasty = does('plan', ({ model }) => {
      late = model;
      void model.ask([say('system', 'you plan'), say('user', 'plan')]);
      return 'later';
    });
    const { model, record, result } = await played([hasty], (asked) =>
      asked.system === 'you plan'
        ? { tokenIds: spelled('up'), after: never, sampledBeforeAbort: 2 }
        : script()(asked),
    );
    expect(result.stopReason).toBe('natural');
    expect(model.engine.calls.map(({ state }) => state)).toContain('aborted');
    expect(record).toMatchObject({ sampledTokens: 13 });
    for (const use of [late!.ask('more'), late!.run({ agent: 'a', prompt: 'more' })]) {
      await expect(use).rejects.toMatchObject({ reason: 'TOOL_CALL_ENDED' });
    }
    expect(model.engine.calls).toHaveLength(3);
  });
});

test('a rollout that ends waits until what its tools ask has ended: it still samples', async () => {
  const controller = new AbortController();
  let hasEnded = false;
  const session: ModelSession = {
    ...scriptedSession([]),
    async complete({ lineage }, { signal }) {
      if (lineage === undefined) {
        const toolCalls = [{ id: 'c', name: 'plan', argumentsText: '{}' }];
        const message = { role: 'assistant', content: [], toolCalls } as const;
        return { message, finishReason: 'tool_calls' };
      }
      setImmediate(() => controller.abort());
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      await new Promise((resolve) => setTimeout(resolve, 5));
      hasEnded = true;
      throw signal.reason;
    },
  };
  const plan = does('plan', async ({ model }) => (await model.ask('plan')).text);
  const options = { clock: systemClock, signal: controller.signal };
  expect((await play(session, [plan], options)).stopReason).toBe('cancelled');
  expect(hasEnded).toBe(true);
});

describe('limits.maxSampledTokens', () => {
  const limits = (maxSampledTokens: number) => ({ limits: { maxSampledTokens } });

  test('is of all that the rollout samples', async () => {
    const { model, result, record } = await played([critic()], script('!critic'), limits(20));
    // 8 of the main agent and 6 of the critic leave 6, of which it says 5; one is left.
    expect(model.engine.calls.map(({ request }) => request.sampling.maxTokens)).toEqual([
      20, 12, 6, 1,
    ]);
    expect(result.stopReason).toBe('max_tokens');
    expect(record.sampledTokens).toBe(20);
  });

  test('ends a sub-agent, and then the rollout', async () => {
    const { result, toolTexts, record } = await played([critic()], script('!critic'), limits(14));
    expect(toolTexts).toEqual(['']);
    expect(result.stopReason).toBe('max_tokens');
    expect(record.sampledTokens).toBe(14);
  });

  test('cuts an answer off, which says so, and leaves nothing to ask with', async () => {
    const seen: unknown[] = [];
    const plan = does('plan', async ({ model }) => {
      const { finishReason, text } = await model.ask([say('system', 'you plan'), say('user', 'p')]);
      seen.push(finishReason, text);
      return (await model.ask('more')).text;
    });
    const { result, toolTexts } = await played([plan], script(), limits(8));
    expect(seen).toEqual(['length', 'up']);
    expect(toolTexts[0]).toContain('The limit of 8 sampled tokens was reached.');
    expect(result).toMatchObject({ stopReason: 'max_tokens', toolCalls: { execError: 1 } });
  });
});

describe('a model that fails while a tool asks it', () => {
  const refused = new LachesisError('model_error', 'no such model', { reason: 'NO_MODEL' });
  const away = new LachesisError('infrastructure_error', 'away', { reason: 'A', retryAfterMs: 0 });
  const overflow = new LachesisError('model_error', 'too long', { reason: 'CONTEXT_OVERFLOW' });
  const plan = does('plan', async ({ model }) => (await model.ask('plan')).text);
  const calling = (name: string) => ({ calls: [{ name }] });

  test.each([
    ['ask', plan, refused, 'model_error'],
    ['ask', plan, new TypeError('reset'), 'infrastructure_error'],
    ['run', does('plan', (c) => critic().execute({}, c)), refused, 'model_error'],
    [
      'run',
      does('plan', (c) => critic().execute({}, c)),
      new TypeError('x'),
      'infrastructure_error',
    ],
  ] as const)(
    'in %s ends the rollout as its failure, not the tool’s',
    async (_, asks, error, reason) => {
      const session = scriptedSession([calling('plan'), { error }]);
      const result = await play(session, [asks]);
      expect(result.stopReason).toBe(reason);
      expect(session.requests).toHaveLength(2);
      // Also where the registry's own handler words what tools throw.
      const registry = createToolRegistry([asks]);
      const again = scriptedSession([calling('plan'), { error }]);
      const handled = await play(again, [asks], { handler: registry.handleFunctionCall });
      expect(handled.stopReason).toBe(reason);
    },
  );

  test('is the tool’s to catch', async () => {
    const careful = does('plan', async ({ model }) => {
      try {
        return (await model.ask('plan')).text;
      } catch (error) {
        return error instanceof ModelFailure ? `without a plan: ${error.kind}` : 'what?';
      }
    });
    const session = scriptedSession([calling('plan'), { error: refused }, { text: 'done' }]);
    const result = await play(session, [careful]);
    expect(result.stopReason).toBe('natural');
    expect(result.messages.map(textOf)).toContain('without a plan: model_error');
  });

  test('is asked again within the retries that the rollout has', async () => {
    const replies = [{ error: away }, { error: away }, { text: 'up' }];
    const options = { modelRetries: { max: 3 } };
    const first = await play(scriptedSession([calling('plan'), ...replies]), [plan], options);
    expect(first).toMatchObject({ stopReason: 'natural', usage: { modelRetries: 0 } });
    const twice = [calling('plan'), ...replies, calling('plan'), ...replies];
    const second = await play(scriptedSession(twice), [plan], options);
    expect(second.stopReason).toBe('infrastructure_error');
  });

  test.each<[string, (model: ToolModel) => Promise<{ readonly text: string }>, RegExp]>([
    ['a prompt that is too long', (model) => model.ask('plan'), /too long/],
    ['no prompt', (model) => model.ask([]), /prompt: must be a text or a list of messages/],
    ['the main agent’s name', (model) => model.ask('plan', { agent: '' }), /agent: must be a text/],
    ['no turns', (model) => model.run({ agent: 'a', prompt: 'x', maxTurns: -1 }), /maxTurns/],
  ])('but %s is the tool’s own error, and told', async (_, use, message) => {
    const asks = does('plan', async ({ model }) => (await use(model)).text);
    const session = scriptedSession([calling('plan'), { error: overflow }]);
    const result = await play(session, [asks]);
    expect(result.toolCalls.execError).toBe(1);
    expect(textOf(result.messages[3]!)).toMatch(message);
  });

  test('an answer that the server broke off is a failure, and one that was too long is not', async () => {
    const cut = (finishReason: string) =>
      play(
        scriptedSession([calling('plan'), { text: 'u', calls: [{ name: 'look' }], finishReason }]),
        [plan],
      );
    expect((await cut('abort')).stopReason).toBe('infrastructure_error');
    expect((await cut('content_filter')).stopReason).toBe('model_error');
    expect((await cut('length')).stopReason).toBe('natural');
  });
});

test('calls of an answer that was cut off are not handed to the tool', async () => {
  const seen: unknown[] = [];
  const plan = does('plan', async ({ model }) => {
    const { message } = await model.ask('plan');
    seen.push(message.toolCalls, message.content);
    return 'ok';
  });
  const reply = { text: 'u', calls: [{ name: 'look' }], finishReason: 'length' };
  await play(scriptedSession([{ calls: [{ name: 'plan' }] }, reply]), [plan]);
  expect(seen).toEqual([[], textContent('u')]);
});
