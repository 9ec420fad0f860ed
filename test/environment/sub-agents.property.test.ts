import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NO_RUN_POLICY, type Rollout, settleRollout } from '../../src/contract/index.ts';
import { defineEnvironment, hostEnvironment, playRollout } from '../../src/environment/index.ts';
import { LachesisError } from '../../src/errors.ts';
import type { ScriptedReply } from '../../src/models/index.ts';
import { ledgerBalance } from '../../src/tokens/index.ts';
import { type AnyTool, type ToolContext, tool } from '../../src/tools/index.ts';
import { underFakeTime } from '../support/fake-time.ts';
import { spelled, terseModel } from '../support/terse-model.ts';

/** One model call, whoever makes it: what is said, and what becomes of it after `after` tokens. */
interface Step {
  readonly text: string;
  readonly ending: 'stop' | 'lost' | 'hang' | 'length' | 'broken';
  readonly after: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  text: fc.constantFrom(
    ...['!ask', '!act', '!run', '!run', '!run!run', '!run!ask!run', '!chat', '!chat!run', '!dash'],
    ...['!plain', '!nobody', 'done', 'ok'],
  ),
  ending: fc.constantFrom(
    ...new Array<'stop'>(14).fill('stop'),
    ...(['lost', 'hang', 'length', 'broken'] as const),
  ),
  after: fc.nat(4),
});

const lost = new LachesisError('infrastructure_error', 'lost', { reason: 'L', retryAfterMs: 0 });
const broken = new LachesisError('model_error', 'broken', { reason: 'B' });

function replyOf({ text, ending, after }: Step): ScriptedReply {
  const tokenIds = spelled(text);
  switch (ending) {
    case 'stop':
      return { tokenIds };
    case 'length':
      return { tokenIds: tokenIds.slice(0, -1), finish: 'length' };
    case 'hang':
      return { tokenIds, after: new Promise(() => {}), sampledBeforeAbort: after };
    case 'lost':
    case 'broken':
      return { tokenIds, error: ending === 'lost' ? lost : broken, sampledBeforeError: after };
  }
}

/** Tools of the main agent and of every sub-agent, which has them all again. */
function toolsOf(): readonly AnyTool[] {
  const does = (
    name: string,
    execute: (context: ToolContext) => Promise<string> | string,
  ): AnyTool =>
    tool({
      name,
      description: '',
      parameters: { type: 'object' },
      execute: (_, context) => execute(context),
    });
  const tools: readonly AnyTool[] = [
    does('plain', () => 'yes'),
    does('ask', async ({ model }) => (await model.ask('what?')).text),
    does('act', async ({ model }) => (await model.ask('what?', { purpose: 'act' })).text),
    does('run', async ({ model }) => {
      const sub = { agent: 'sub', systemPrompt: 'you help', prompt: 'help', tools, maxTurns: 3 };
      return (await model.run(sub)).text;
    }),
    // Goes on with its own conversation.
    does('chat', async ({ model }) => {
      const opening = { role: 'user', content: [{ kind: 'text', text: 'so?' }] } as const;
      const { message } = await model.ask([opening], { purpose: 'act' });
      return (await model.ask([opening, message, opening], { purpose: 'act' })).text;
    }),
    // Does not wait.
    does('dash', ({ model }) => {
      void model.ask('what?');
      return 'off';
    }),
  ];
  return tools;
}

function expectKept({ calls, segments, ledger, result }: Rollout, sampled: number): void {
  expect(ledger.sampled).toBe(sampled);
  expect(ledgerBalance(ledger)).toBe(0);
  const inSegments = segments.flatMap(({ agent, spans }) =>
    spans.flatMap(({ origin, callIndex }) => (origin === 'sampled' ? [[agent, callIndex]] : [])),
  );
  for (const [agent, index] of inSegments) expect(calls[index as number]?.agent).toBe(agent);
  for (const { index, parentCallId } of calls) {
    const parent = calls.findIndex(({ callId }) => callId === parentCallId);
    if (parentCallId !== '') expect(parent).toBeLessThan(index);
    if (parentCallId !== '') expect(parent).toBeGreaterThanOrEqual(0);
  }
  // The main agent's figures are its own.
  const own = calls.filter(({ agent }) => agent === '');
  expect(own.length).toBeLessThanOrEqual(result.usage.modelCalls);
  const { attempted, execError, executedOk, unknown } = result.toolCalls;
  expect(executedOk + execError).toBe(attempted + unknown);
  const told = result.messages.filter(({ role }) => role === 'tool').length;
  expect(attempted + unknown).toBe(told);
}

test('whatever tools ask and sub-agents do, each token has its bucket and each call its place', async () => {
  const seen = new Set<string>();
  const plan = fc.record({
    steps: fc.array(step, { maxLength: 12 }),
    maxSampledTokens: fc.constantFrom(...new Array<undefined>(4).fill(undefined), 40),
  });
  await fc.assert(
    fc.asyncProperty(plan, async ({ steps, maxSampledTokens }) => {
      let next = 0;
      const model = terseModel(() => {
        const now = steps[next++];
        return now === undefined ? 'ok' : replyOf(now);
      });
      const rollout = await underFakeTime(async () => {
        const definition = defineEnvironment({
          name: 'nested',
          tasks: [{ data: 0 }],
          systemPrompt: 'you act',
          prompt: () => 'go',
          tools: toolsOf(),
          reward: () => 1,
          toolTimeoutMs: 1_000,
          timeoutMs: 10_000,
          agent: maxSampledTokens === undefined ? {} : { limits: { maxSampledTokens } },
        });
        return playRollout({
          environment: await hostEnvironment(definition),
          modelServer: model,
          ...{ rolloutId: 'r', groupId: '', index: 0, task: { key: '0', split: '', data: 0 } },
          policy: { ...NO_RUN_POLICY, trainingPolicy: 'fork' },
          signal: new AbortController().signal,
        });
      });
      const sampled = model.engine.calls.reduce(
        (sum, { sampledTokenIds }) => sum + sampledTokenIds.length,
        0,
      );
      for (const trainingPolicy of ['strict', 'realign', 'fork', 'mask'] as const) {
        const policy = { ...NO_RUN_POLICY, trainingPolicy };
        expectKept(settleRollout(rollout, policy).rollout, sampled);
      }
      // Nothing of any agent is under way when the rollout is over.
      expect(model.engine.calls.map(({ state }) => state)).not.toContain('waiting');
      for (const { agent, purpose } of rollout.calls) seen.add(`${agent} ${purpose}`);
      seen.add(rollout.result.stopReason);
    }),
    { numRuns: 300 },
  );
  expect([...seen]).toEqual(
    expect.arrayContaining([
      ...[' ', 'sub act', 'ask side', 'act act', 'chat act', 'dash side'],
      ...['natural', 'max_tokens', 'model_error', 'deadline'],
    ]),
  );
});
