import { Code } from '@connectrpc/connect';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hostEnvironment } from '../../src/environment/index.ts';
import { textContent } from '../../src/messages.ts';
import { createChatmlRenderer, createManagedServer } from '../../src/models/index.ts';
import { createParserRegistry } from '../../src/parsers/index.ts';
import { fakeModelServer } from '../environment/fake-model-server.ts';
import { END, tokenizer } from '../models/chatml.ts';
import { type ServedForTest, serveForTest, sums } from '../support/serve.ts';

let served: ServedForTest;

beforeAll(async () => {
  const renderer = createChatmlRenderer({ tokenizer });
  const parser = createParserRegistry().get('hermes');
  served = await serveForTest({
    environments: [
      {
        environment: await hostEnvironment(sums),
        modelServer: fakeModelServer((_, call) =>
          call === 1 ? { call: { name: 'add', args: { a: 1, b: 1 } } } : { text: 'it is 4' },
        ),
        callerTokens: {
          describe: async () => ({
            model: 'caller',
            vocabularySize: tokenizer.vocabularySize,
            contextLength: undefined,
            rendering: { tokenizerSha256: '', templateSha256: '' },
            logprobMode: 'processed',
            policyVersion: undefined,
          }),
          modelServer: (engine) => createManagedServer({ engine, renderer, parser }),
        },
      },
    ],
  });
});
afterAll(() => served[Symbol.asyncDispose]());

const assignmentOf = (id: string) => ({ id, environment: 'sums', taskKey: 'sum-2' });

describe('PlayRollout', () => {
  test('the caller answers tool calls', async () => {
    const events: (string | undefined)[] = [];
    const rollout = await served.client.environments.play(assignmentOf('tools'), {
      toolHandler: async ({ name, argumentsText }) => `${name} was asked ${argumentsText}`,
      onEvent: ({ event }) => events.push(event.case),
    });
    const results = rollout.result.messages.filter(({ role }) => role === 'tool');
    expect(results).toMatchObject([
      { content: [{ kind: 'text', text: 'add was asked {"a":1,"b":1}' }] },
    ]);
    expect(rollout.outcome).toMatchObject({ kind: 'scored', reward: 1 });
    expect(events).toEqual(['started', 'turnFinished', 'turnFinished', 'finished']);
  });

  test("a throwing tool is the tool's error, and the rollout goes on", async () => {
    const rollout = await served.client.environments.play(assignmentOf('tool-throws'), {
      toolHandler: () => Promise.reject(new Error('the calculator is broken')),
    });
    expect(rollout.result.toolErrors).toHaveLength(1);
    expect(JSON.stringify(rollout.result.messages)).toContain('the calculator is broken');
    expect(rollout.result.stopReason).toBe('natural');
  });

  test('the caller answers generations with messages', async () => {
    let calls = 0;
    const rollout = await served.client.environments.play(assignmentOf('messages'), {
      complete: async ({ messages, tools }) => {
        calls += 1;
        expect(tools.map(({ name }) => name)).toEqual(['add']);
        expect(messages[0]).toMatchObject({ role: 'user' });
        const last = messages.at(-1);
        if (last?.role === 'tool') {
          const content = textContent('so 4');
          return { message: { role: 'assistant', content, toolCalls: [] }, finishReason: 'stop' };
        }
        const toolCalls = [{ id: 'c1', name: 'add', argumentsText: '{"a":2,"b":2}' }];
        return {
          message: { role: 'assistant', content: [], toolCalls },
          finishReason: 'tool_calls',
        };
      },
    });
    expect(calls).toBe(2);
    expect(rollout.segments).toEqual([]);
    expect(rollout.outcome).toMatchObject({ kind: 'scored', reward: 1 });
  });

  test('the caller answers generations with tokens, which are kept exactly', async () => {
    const sampled = Int32Array.from([...tokenizer.encode('4'), END]);
    const rollout = await served.client.environments.play(assignmentOf('tokens'), {
      generate: async ({ promptTokenIds }) => {
        expect(tokenizer.decode(promptTokenIds)).toContain('2 + 2?');
        return {
          tokenIds: sampled,
          logprobs: Float32Array.from(sampled, () => -0.25),
          finishReason: 'stop',
          policyVersion: 7,
        };
      },
    });
    const [segment] = rollout.segments;
    expect(segment?.tokenIds.slice(-sampled.length)).toEqual(sampled);
    expect(segment?.policyVersions).toMatchObject([{ length: sampled.length, reportedVersion: 7 }]);
    expect(rollout.ledger).toMatchObject({ sampled: sampled.length, trained: sampled.length });
  });

  test("a caller's failure is a model error, never a score", async () => {
    const rollout = await served.client.environments.play(assignmentOf('fails'), {
      complete: () => Promise.reject(new Error('out of memory')),
    });
    expect(rollout.outcome).toMatchObject({ kind: 'not_scored', failure: { kind: 'model_error' } });
  });

  test('an open question is withdrawn when the rollout is cancelled', async () => {
    const asked = Promise.withResolvers<void>();
    const withdrawn = Promise.withResolvers<unknown>();
    const playing = served.client.environments.play(assignmentOf('withdrawn'), {
      toolHandler: (_, { signal }) => {
        asked.resolve();
        signal.addEventListener('abort', () => withdrawn.resolve(signal.reason));
        return new Promise(() => {});
      },
    });
    await asked.promise;
    await served.client.environments.cancel({ groupIds: ['withdrawn'] });
    expect(await withdrawn.promise).toMatchObject({ reason: 'REQUEST_WITHDRAWN' });
    expect((await playing).result.stopReason).toBe('cancelled');
  });

  test('a caller that leaves ends the rollout', async () => {
    const { environments } = served.client;
    const controller = new AbortController();
    const playing = environments.play(assignmentOf('left'), {
      toolHandler: () => {
        controller.abort();
        return new Promise(() => {});
      },
      signal: controller.signal,
    });
    await expect(playing).rejects.toThrow();
    await expect
      .poll(() => environments.rollout('left.0'))
      .toMatchObject({ kind: 'finished', rollout: { result: { stopReason: 'cancelled' } } });
  });

  test("a caller's deadline ends the rollout as a deadline", async () => {
    const { environments } = served.client;
    const playing = environments.play(assignmentOf('late'), {
      toolHandler: () => new Promise(() => {}),
      timeoutMs: 200,
    });
    await expect(playing).rejects.toMatchObject({ code: Code.DeadlineExceeded });
    await expect
      .poll(() => environments.rollout('late.0'))
      .toMatchObject({ kind: 'finished', rollout: { result: { stopReason: 'deadline' } } });
  });

  test('refuses a group, a run and an id that played before', async () => {
    const { environments } = served.client;
    const group = environments.play({ ...assignmentOf('group'), groupSize: 2 });
    await expect(group).rejects.toMatchObject({ code: Code.InvalidArgument });
    const run = environments.play({ ...assignmentOf('run'), runId: 'r' });
    await expect(run).rejects.toMatchObject({ code: Code.InvalidArgument });
    await environments.play(assignmentOf('again'));
    const again = environments.play(assignmentOf('again'));
    await expect(again).rejects.toMatchObject({ code: Code.AlreadyExists });
  });
});
