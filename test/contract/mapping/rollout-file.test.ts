import { expect, test } from 'vitest';
import type { Rollout } from '../../../src/contract/rollout.ts';
import { readRolloutLine, writeRolloutLine } from '../../../src/contract/rollout-file/index.ts';
import { emptyLedger, SegmentBuilder } from '../../../src/tokens/index.ts';

function rollout(): Rollout {
  const builder = new SegmentBuilder({
    id: 's0',
    reason: 'start',
    rendering: { tokenizerSha256: 'aa', templateSha256: 'bb' },
  });
  builder.append([1, 2], { origin: 'prompt', messageIndex: 0 });
  builder.appendSampled(Int32Array.of(3, 4), Float32Array.of(-0.1, Math.fround(-1 / 3)), {
    callIndex: 0,
    messageIndex: 1,
    announcedVersion: 2,
    versions: [{ length: 2, version: 1 }],
  });
  return {
    id: 'g/0',
    groupId: 'g',
    taskKey: 't',
    index: 0,
    result: {
      messages: [
        { role: 'user', content: [{ kind: 'text', text: 'hé' }] },
        {
          role: 'assistant',
          content: [],
          reasoning: 'hm',
          toolCalls: [{ id: 'call_0', name: 'f', argumentsText: '{"a": 1', argumentsJson: '{}' }],
        },
        { role: 'tool', content: [], toolCallId: 'call_0', toolName: 'f' },
        {
          role: 'user',
          content: [
            { kind: 'image', uri: 'https://x/y.png', mediaType: 'image/png', sha256: 'cc' },
            { kind: 'opaque', type: 'audio', json: '{"a":1}' },
          ],
        },
      ],
      stopReason: 'max_turns',
      stopDetail: 'd',
      finishedNaturally: false,
      turnsUsed: 1,
      turns: [
        {
          index: 1,
          finishReason: 'tool_calls',
          promptTokens: 2,
          completionTokens: 2,
          modelDurationMs: 1.5,
          toolDurationMs: 0,
          toolCalls: 1,
        },
      ],
      toolErrors: [{ turn: 1, toolName: 'f', arguments: '{', error: 'e', toolResult: 'r' }],
      toolCalls: {
        attempted: 1,
        schemaValid: 0,
        executedOk: 0,
        execError: 1,
        unknown: 0,
        coerced: 0,
        repaired: 0,
        refused: 1,
        timedOut: 0,
        jsonSchemaValid: 0,
        tools: [{ toolName: 'f', calls: 1, errors: 1, durationMs: 2 }],
      },
      usage: { promptTokens: 2, completionTokens: 2, modelCalls: 1, modelRetries: 0 },
      messagesTruncated: 0,
    },
    outcome: { kind: 'scored', reward: 0.5, components: [{ name: 'a', value: 1, weight: 0.5 }] },
    segments: [builder.build()],
    calls: [
      {
        ...{ index: 0, callId: 'c', parentCallId: '', agent: 'a', purpose: 'act' },
        ...{ announcedVersion: 4, sampledTokens: 2, finishReason: 'stop', failed: false },
        ...{ continues: -1, passesOver: [0], alters: { callIndex: 3, commonTokens: 2 } },
      },
    ],
    ledger: { ...emptyLedger(), sampled: 2, trained: 2 },
    provenance: {
      environment: 'e',
      environmentVersion: '1',
      verifierVersion: '',
      model: 'm',
      sampling: { topP: 0.9, extra: { snake_case: 1, camelCase: 2 } },
      rendering: { tokenizerSha256: 'aa', templateSha256: 'bb' },
      isolation: 'in_process',
      workerId: 'w',
      logprobMode: 'processed',
    },
    startTimeMs: 1_000,
    endTimeMs: 2_000,
    metrics: { some_metric: 1, otherMetric: 2 },
  };
}

test('a rollout is the same after it was written and read', () => {
  const original = rollout();
  const line = writeRolloutLine(original, 'run');
  expect(line).not.toContain('\n');
  expect(readRolloutLine(line, 'line 1')).toEqual({ rollout: original, runId: 'run' });
});

test('a rollout that was not scored has a null reward and its failure', () => {
  const failed: Rollout = {
    ...rollout(),
    outcome: {
      kind: 'not_scored',
      failure: { kind: 'environment_error', reason: 'REWARD_THREW', message: 'boom' },
    },
  };
  const line = writeRolloutLine(failed);
  expect(JSON.parse(line)).toMatchObject({ reward: null, failure: { kind: 'environment_error' } });
  expect(readRolloutLine(line, 'line 1').rollout).toEqual(failed);
});

test('a line of another schema, a broken line and a broken column are refused by name', () => {
  expect(() => readRolloutLine('{"schema":"lachesis.rollout/2"}', 'a.jsonl:3')).toThrow(
    /a\.jsonl:3\.schema: is "lachesis\.rollout\/2"/,
  );
  expect(() => readRolloutLine('{', 'a.jsonl:4')).toThrow(/a\.jsonl:4: is no JSON/);
  expect(() => readRolloutLine('{"schema":"lachesis.rollout/1"}', 'a.jsonl:5')).toThrow(
    /a\.jsonl:5: lacks a field/,
  );
  const line = JSON.parse(writeRolloutLine(rollout()));
  line.segments[0].logprobs[1] = null;
  expect(() => readRolloutLine(JSON.stringify(line), 'a.jsonl:6')).toThrow(
    /a\.jsonl:6\.segments\[0\]\.logprobs\[1\]: is NaN/,
  );
  line.segments[0].logprobs.pop();
  expect(() => readRolloutLine(JSON.stringify(line), 'a.jsonl:6')).toThrow(
    /a\.jsonl:6\.segments\[0\]\.logprobs: has 1 entries for 2/,
  );
  line.reward = null;
  expect(() => readRolloutLine(JSON.stringify(line), 'a.jsonl:7')).toThrow(/a\.jsonl:7\.reward/);
});
