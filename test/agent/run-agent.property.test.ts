import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type AgentResult, runAgent, type ToolCallDecision } from '../../src/agent/index.ts';
import { LachesisError } from '../../src/errors.ts';
import { createToolRegistry, tool } from '../../src/tools/index.ts';
import { eagerClock } from '../support/manual-clock.ts';
import { type ScriptedReply, scriptedSession } from '../support/scripted-session.ts';

const kinds = ['model_error', 'infrastructure_error', 'environment_error', 'internal'] as const;
const anyError = fc.oneof(
  fc.constantFrom(new Error('plain'), 'a string', undefined, null),
  fc.record({ kind: fc.constantFrom(...kinds), retryAfterMs: fc.option(fc.nat(100)) }).map(
    ({ kind, retryAfterMs }) =>
      new LachesisError(kind, 'scripted', {
        reason: 'SCRIPTED',
        ...(retryAfterMs === null ? {} : { retryAfterMs }),
      }),
  ),
);
const anyCall = fc.record({
  name: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom('plain', 'odd', 'hang') },
    { weight: 1, arbitrary: fc.string() },
  ),
  args: fc.oneof(
    fc.dictionary(fc.string(), fc.jsonValue()),
    fc.json().chain((json) => fc.nat(json.length).map((cut) => json.slice(0, cut))),
    fc.string({ unit: 'binary' }),
  ),
  id: fc.constantFrom('', 'x', 'y', 'call_1'),
});
const completion = fc.record(
  {
    text: fc.string(),
    reasoning: fc.string(),
    calls: fc.array(anyCall, { maxLength: 5 }),
    finishReason: fc.constantFrom(
      'stop',
      'tool_calls',
      'length',
      'abort',
      'content_filter',
      'new word',
    ),
    promptTokens: fc.nat(),
    completionTokens: fc.nat(),
  },
  { requiredKeys: [] },
);
const script = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: completion },
    { weight: 1, arbitrary: anyError.map((error) => ({ error })) },
    {
      weight: 1,
      arbitrary: fc.constantFrom<ScriptedReply>({ hang: 'until_abort' }, { hang: 'forever' }),
    },
  ),
  { maxLength: 8 },
);
const toolOutput = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom('{"error":"x"}', '{"exit_code":-2}', '{"exit_code":2}'),
  anyError.map((error) => ({ thrown: error })),
);

it('yields one complete result whatever the model, the tools and the caller do', async () => {
  await fc.assert(
    fc.asyncProperty(
      script,
      fc.array(toolOutput, { minLength: 1, maxLength: 8 }),
      fc.record({
        maxTurns: fc.nat(6),
        maxParallelToolCalls: fc.integer({ min: 1, max: 4 }),
        argumentProfile: fc.constantFrom('safe', 'seed'),
        abortAfterMs: fc.option(fc.nat(5_000)),
        doneAt: fc.nat(8),
        hookFails: fc.boolean(),
        contextTokens: fc.option(fc.integer({ min: 40, max: 600 })),
        promptView: fc.constantFrom('safe', 'seed'),
        maxToolCalls: fc.option(fc.nat(8)),
        maxSampledTokens: fc.option(fc.integer({ min: 1, max: 5_000_000 })),
        decisions: fc.array(
          fc.constantFrom('run', 'rewrite', 'block', 'stop', 'throw', 'run', 'run'),
          { minLength: 1, maxLength: 5 },
        ),
      }),
      async (replies, outputs, settings) => {
        const clock = eagerClock();
        const controller = new AbortController();
        // Without this a hanging model would never be called off.
        const abortAfterMs = settings.abortAfterMs ?? 100_000;
        clock.schedule(abortAfterMs, () => controller.abort(new Error('scripted abort')));

        let dispatched = 0;
        const execute = async (): Promise<never> => {
          const output = outputs[dispatched++ % outputs.length] as unknown;
          if (typeof output === 'object' && output !== null && 'thrown' in output)
            throw output.thrown;
          return output as never;
        };
        const parameters = { type: 'object', properties: { input: { type: 'string' } } };
        const registry = createToolRegistry([
          tool({ name: 'plain', description: '', parameters, execute }),
          tool({
            name: 'odd',
            description: '',
            parameters: { type: 'object', $ref: '#/nowhere' },
            execute,
          }),
          tool({
            name: 'hang',
            description: '',
            parameters,
            execute: () => {
              dispatched += 1;
              return new Promise<string>(() => {});
            },
          }),
        ]);

        let asked = 0;
        const beforeToolCall = (): ToolCallDecision => {
          const decision = settings.decisions[asked++ % settings.decisions.length];
          if (decision === 'block') return { kind: 'block', message: 'no' };
          if (decision === 'stop') return { kind: 'stop', detail: 'enough' };
          if (decision === 'throw') throw new Error('hook');
          return decision === 'rewrite' ? { kind: 'run', arguments: { x: 1 } } : { kind: 'run' };
        };
        let turns = 0;
        const session = scriptedSession(replies);
        const result = await runAgent({
          session,
          messages: [{ role: 'user', content: [] }],
          tools: registry.definitions,
          handler: registry.handleFunctionCall,
          rolloutId: 'r',
          state: undefined,
          maxTurns: settings.maxTurns,
          maxParallelToolCalls: settings.maxParallelToolCalls,
          argumentProfile: settings.argumentProfile as 'safe' | 'seed',
          promptView: settings.promptView as 'safe' | 'seed',
          ...(settings.contextTokens === null ? {} : { contextTokens: settings.contextTokens }),
          limits: {
            ...(settings.maxToolCalls === null ? {} : { maxToolCalls: settings.maxToolCalls }),
            ...(settings.maxSampledTokens === null
              ? {}
              : { maxSampledTokens: settings.maxSampledTokens }),
          },
          hooks: { beforeToolCall: [beforeToolCall] },
          clock,
          toolTimeoutMs: 1_000,
          onTurn: () => {
            turns += 1;
          },
          isDone: () => {
            if (turns < settings.doneAt) return false;
            if (settings.hookFails) throw new Error('hook');
            return true;
          },
          signal: controller.signal,
        });

        expectPairs(result);
        expectVerbatim(result, replies);
        expect(dispatched).toBeLessThanOrEqual(settings.maxToolCalls ?? Number.POSITIVE_INFINITY);
        if (settings.contextTokens === null) expect(result.messagesTruncated).toBe(0);
        for (const { transcriptIndexes, messages } of session.requests) {
          expect(transcriptIndexes?.length ?? messages.length).toBe(messages.length);
          if (settings.promptView === 'safe') expectPairs({ ...result, messages });
        }
        expectCounts(result);
        expect(result.turns).toHaveLength(turns);
        expect(result.turnsUsed - turns).toBeLessThanOrEqual(1);
        expect(result.usage.modelCalls).toBe(session.requests.length);
        expect(dispatched).toBeLessThanOrEqual(
          result.toolCalls.attempted - result.toolCalls.refused,
        );
        expect(result.stopDetail).not.toBe('');
        expect(result.stopDetail).not.toContain('The agent loop failed');
      },
    ),
    { numRuns: 300 },
  );
});

/** Each assistant message is followed by one result per call, in call order, and results stand nowhere else. */
function expectPairs(result: AgentResult): void {
  const ids = new Set<string>();
  let waiting: string[] = [];
  for (const message of result.messages) {
    if (message.role === 'tool') {
      expect(message.toolCallId).toBe(waiting.shift());
      continue;
    }
    expect(waiting).toEqual([]);
    if (message.role !== 'assistant') continue;
    waiting = message.toolCalls.map(({ id }) => id);
    for (const id of waiting) {
      expect(id).not.toBe('');
      expect(ids.has(id)).toBe(false);
      ids.add(id);
    }
  }
  expect(waiting).toEqual([]);
}

/** Whatever was mended, coerced or rewritten, the transcript says what the model wrote. */
function expectVerbatim({ messages }: AgentResult, replies: readonly ScriptedReply[]): void {
  const wrote = replies
    .flatMap((reply) => ('calls' in reply ? (reply.calls ?? []) : []))
    .map(({ args = {} }) => (typeof args === 'string' ? args : JSON.stringify(args)));
  const kept = messages.flatMap((message) =>
    message.role === 'assistant' ? message.toolCalls.map((call) => call.argumentsText) : [],
  );
  expect(kept).toEqual(wrote.slice(0, kept.length));
}

function expectCounts(result: AgentResult): void {
  const { toolCalls: counts, turns } = result;
  const made = turns.reduce((sum, turn) => sum + turn.toolCalls, 0);
  expect(counts.attempted + counts.unknown).toBe(made);
  expect(counts.executedOk + counts.execError).toBe(counts.attempted + counts.unknown);
  for (const part of [
    'schemaValid',
    'jsonSchemaValid',
    'coerced',
    'repaired',
    'refused',
  ] as const) {
    expect(counts[part]).toBeLessThanOrEqual(counts.attempted);
  }
  expect(counts.refused + counts.unknown + counts.timedOut).toBeLessThanOrEqual(counts.execError);
  expect(counts.schemaValid + counts.coerced + counts.repaired).toBeLessThanOrEqual(
    counts.attempted - counts.refused,
  );
  expect(counts.tools.reduce((sum, { calls }) => sum + calls, 0)).toBe(counts.attempted);
  expect(counts.tools.reduce((sum, { errors }) => sum + errors, 0)).toBe(
    counts.execError - counts.unknown,
  );
}
