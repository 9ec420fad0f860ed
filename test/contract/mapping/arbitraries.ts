import fc from 'fast-check';
import type { AgentResult, StopReason } from '../../../src/agent/index.ts';
import type { DeadLetter, RunSettings } from '../../../src/broker/index.ts';
import type {
  Assignment,
  LeasedOrder,
  Outcome,
  Provenance,
  Rollout,
  Task,
} from '../../../src/contract/index.ts';
import type { ErrorKind } from '../../../src/errors.ts';
import type { ContentPart, JsonValue, Message, SamplingParameters } from '../../../src/messages.ts';
import type { ModelCall } from '../../../src/models/index.ts';
import {
  ledgerOfSpans,
  type Row,
  type Segment,
  type Span,
  sampledLength,
} from '../../../src/tokens/index.ts';

/** Text that protobuf can carry: no lone surrogates. */
export const text = fc.string({ unit: 'binary', maxLength: 12 }).filter((s) => s.isWellFormed());
export const id = fc.stringMatching(/^[A-Za-z0-9._-]{1,12}$/);
const count = fc.nat(1000);
const double = fc.double({ noNaN: true, noDefaultInfinity: true });
const ms = fc.nat(10_000_000);

/** Keys that are not chosen are absent, as exactOptionalPropertyTypes wants. */
const optional = <T extends object>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record(model, { requiredKeys: [] });

export const json: fc.Arbitrary<JsonValue> = fc
  .jsonValue({ noUnicodeString: false } as never)
  .map((value) => JSON.parse(JSON.stringify(value)) as JsonValue);

const part: fc.Arbitrary<ContentPart> = fc.oneof(
  fc.record({ kind: fc.constant('text' as const), text }),
  fc.record({ kind: fc.constant('image' as const), uri: text, mediaType: text, sha256: text }),
  fc.record({ kind: fc.constant('opaque' as const), type: text, json: text }),
);
const content = fc.array(part, { maxLength: 3 });

export const message: fc.Arbitrary<Message> = fc.oneof(
  fc.record({ role: fc.constantFrom('system' as const, 'user' as const), content }),
  fc
    .tuple(
      content,
      fc.array(
        fc.tuple(id, text, text, fc.option(json)).map(([callId, name, argumentsText, args]) => ({
          id: callId,
          name,
          argumentsText,
          ...(args === null ? {} : { argumentsJson: JSON.stringify(args) }),
        })),
        { maxLength: 3 },
      ),
      optional({ reasoning: text }),
    )
    .map(([parts, toolCalls, rest]) => ({
      role: 'assistant' as const,
      content: parts,
      toolCalls,
      ...rest,
    })),
  fc.record({ role: fc.constant('tool' as const), content, toolCallId: id, toolName: text }),
);

export const sampling: fc.Arbitrary<SamplingParameters> = optional<SamplingParameters>({
  temperature: fc.double({ min: 0, max: 5, noNaN: true }),
  topP: fc.double({ min: 0.01, max: 1, noNaN: true }),
  topK: count,
  maxTokens: fc.integer({ min: 1, max: 1000 }),
  stopTokenIds: fc.array(count, { minLength: 1, maxLength: 3 }),
  stop: fc.array(text, { minLength: 1, maxLength: 3 }),
  seed: fc.maxSafeInteger(),
  extra: fc.dictionary(id, json, { maxKeys: 3, noNullPrototype: true }),
} as never) as fc.Arbitrary<SamplingParameters>;

const span: fc.Arbitrary<Span> = fc.oneof(
  fc.record(
    {
      length: fc.integer({ min: 1, max: 9 }),
      origin: fc.constantFrom('prompt', 'tool', 'template', 'foreign'),
      loss: fc.constant('not_sampled'),
      messageIndex: count,
    },
    { requiredKeys: ['length', 'origin', 'loss'] },
  ),
  fc.record(
    {
      length: fc.integer({ min: 1, max: 9 }),
      origin: fc.constant('sampled'),
      loss: fc.constantFrom('trained', 'trained', 'abandoned_retry', 'not_for_training'),
      messageIndex: count,
      callIndex: count,
    },
    { requiredKeys: ['length', 'origin', 'loss'] },
  ),
) as fc.Arbitrary<Span>;

/** Whole numbers in [0, 2^31), from a seed: enough to tell tokens apart, and quick to shrink. */
function numbersFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state >>> 1;
  };
}

/** A segment whose columns agree, as a session records it. */
export const segment: fc.Arbitrary<Segment> = fc
  .tuple(
    fc.array(span, { minLength: 1, maxLength: 6 }),
    fc.boolean(),
    fc.nat(5),
    fc.boolean(),
    fc.record({ reasonDetail: text, agent: text }),
    fc.nat(2 ** 31 - 1),
  )
  .map(([spans, hasLogprobs, version, reported, words, seed]) => {
    const next = numbersFrom(seed);
    const tokens = spans.reduce((sum, { length }) => sum + length, 0);
    const sampled = sampledLength(spans);
    return {
      id: '0',
      parent: undefined,
      reason: 'start' as const,
      ...words,
      tokenIds: Int32Array.from({ length: tokens }, () => next()),
      logprobs:
        hasLogprobs && sampled > 0
          ? Float32Array.from({ length: sampled }, () => -next() / 2 ** 24)
          : undefined,
      spans,
      policyVersions:
        sampled === 0
          ? []
          : [
              {
                length: sampled,
                announcedVersion: version,
                ...(reported ? { reportedVersion: version + 1 } : {}),
              },
            ],
      rendering: { tokenizerSha256: 'aa', templateSha256: '' },
      columns: [
        {
          name: 'routes',
          type: 'uint8' as const,
          axis: 'all_tokens' as const,
          entryShape: [2, 1],
          data: new Uint8Array(tokens * 2).fill(7),
        },
      ],
    };
  });

export const row: fc.Arbitrary<Row> = segment.map(
  ({ parent: _, reason: __, reasonDetail: ___, rendering: ____, id: segmentId, ...sequence }) => ({
    ...sequence,
    id: `r/${segmentId}`,
    rolloutId: 'r',
    segmentId,
  }),
);

const stopReason = fc.constantFrom<StopReason>(
  'natural',
  'length',
  'max_turns',
  'model_error',
  'empty_response',
  'context_overflow',
  'cancelled',
  'deadline',
  'environment_error',
  'infrastructure_error',
  'environment_done',
  'max_tool_calls',
  'max_tokens',
);

const result: fc.Arbitrary<AgentResult> = fc.record({
  messages: fc.array(message, { maxLength: 4 }),
  stopReason,
  stopDetail: text,
  finishedNaturally: fc.boolean(),
  turnsUsed: count,
  turns: fc.array(
    fc.record(
      {
        index: count,
        reasoning: text,
        finishReason: text,
        promptTokens: count,
        completionTokens: count,
        modelDurationMs: ms,
        toolDurationMs: ms,
        toolCalls: count,
        callDiagnostics: fc.array(
          fc.record({
            kind: fc.constantFrom('malformed' as const, 'cut_off' as const, 'in_thinking' as const),
            offset: count,
            message: text,
          }),
          { minLength: 1, maxLength: 2 },
        ),
      },
      {
        requiredKeys: ['index', 'finishReason', 'modelDurationMs', 'toolDurationMs', 'toolCalls'],
      },
    ),
    { maxLength: 3 },
  ),
  toolErrors: fc.array(
    fc.record({ turn: count, toolName: text, arguments: text, error: text, toolResult: text }),
    { maxLength: 2 },
  ),
  toolCalls: fc.record({
    attempted: count,
    schemaValid: count,
    executedOk: count,
    execError: count,
    unknown: count,
    coerced: count,
    repaired: count,
    refused: count,
    timedOut: count,
    jsonSchemaValid: count,
    tools: fc.array(fc.record({ toolName: text, calls: count, errors: count, durationMs: ms }), {
      maxLength: 2,
    }),
  }),
  usage: fc.record(
    { promptTokens: count, completionTokens: count, modelCalls: count, modelRetries: count },
    { requiredKeys: ['modelCalls', 'modelRetries'] },
  ),
  messagesTruncated: count,
});

const failureKind = fc.constantFrom<ErrorKind>(
  'environment_error',
  'model_error',
  'infrastructure_error',
  'cancelled',
  'deadline_exceeded',
  'internal',
);

export const outcome: fc.Arbitrary<Outcome> = fc.oneof(
  fc.record(
    {
      kind: fc.constant('scored' as const),
      reward: double,
      components: fc.array(fc.record({ name: text, value: double, weight: double }), {
        maxLength: 2,
      }),
      turnRewards: fc.array(fc.record({ messageIndex: count, value: double }), {
        minLength: 1,
        maxLength: 2,
      }),
    },
    { requiredKeys: ['kind', 'reward', 'components'] },
  ),
  fc.record({
    kind: fc.constant('not_scored' as const),
    failure: fc.record(
      { kind: failureKind, reason: id, message: text, remedy: id },
      { requiredKeys: ['kind', 'reason', 'message'] },
    ),
  }),
);

const provenanceFields = {
  environment: text,
  environmentVersion: text,
  verifierVersion: text,
  model: text,
  sampling,
  rendering: fc.record({ tokenizerSha256: text, templateSha256: text }),
  isolation: text,
  workerId: text,
  logprobMode: fc.constantFrom(
    'raw' as const,
    'processed' as const,
    'unknown' as const,
    '' as const,
  ),
};
const sandboxUse = fc.record({ backend: text, id: text, earlierUses: count });

export const provenance: fc.Arbitrary<Provenance> = fc.oneof(
  fc.record(provenanceFields),
  fc.record({ ...provenanceFields, sandbox: sandboxUse }),
);

/** A rollout with 0 or 1 segments, as played: its spans are what the session recorded. */
export const rollout: fc.Arbitrary<Rollout> = fc
  .record({
    id,
    groupId: id,
    taskKey: text,
    index: count,
    result,
    outcome,
    segments: fc.array(segment, { maxLength: 1 }),
    provenance,
    call: fc.record({
      ...{ callId: text, parentCallId: text, agent: text, finishReason: text },
      ...{ continues: fc.constantFrom(-1, 0, 7), passesOver: fc.array(count, { maxLength: 2 }) },
      alters: fc.option(fc.record({ callIndex: count, commonTokens: count }), { nil: undefined }),
    }),
    startTimeMs: ms,
    endTimeMs: ms,
    metrics: fc.dictionary(id, double, { maxKeys: 3, noNullPrototype: true }),
  })
  .map(({ call, ...parts }) => {
    const calls: ModelCall[] = [];
    const segments = parts.segments.map((each) => ({
      ...each,
      spans: each.spans.map((span) => {
        if (span.origin !== 'sampled') return span;
        const index = calls.length;
        calls.push({
          ...{ ...call, index, announcedVersion: each.policyVersions[0]?.announcedVersion ?? 0 },
          purpose: span.loss === 'not_for_training' ? 'judge' : 'act',
          failed: span.loss === 'abandoned_retry',
          sampledTokens: span.length,
        });
        return { ...span, callIndex: index };
      }),
    }));
    const spans = segments.flatMap((each) => each.spans);
    return { ...parts, segments, calls, ledger: ledgerOfSpans(spans, sampledLength(spans)) };
  });

export const task: fc.Arbitrary<Task> = fc.record({ key: id, split: text, data: json });

export const assignment: fc.Arbitrary<Assignment> = fc
  .tuple(
    fc.record({
      id,
      runId: fc.oneof(id, fc.constant('')),
      environment: id,
      task: fc.oneof(
        fc.record({ kind: fc.constant('key' as const), key: id }),
        fc.record({ kind: fc.constant('given' as const), task }),
      ),
      groupSize: fc.integer({ min: 1, max: 64 }),
      sampling,
      limits: fc.record(
        { maxTurns: fc.integer({ min: 1, max: 50 }), timeoutMs: fc.integer({ min: 1, max: 1e6 }) },
        { requiredKeys: [] },
      ),
    }),
    optional({ seed: fc.maxSafeInteger() }),
  )
  .map(([order, seed]) => ({ ...order, ...seed }) as Assignment);

const shares: fc.Arbitrary<RunSettings['shares']> = fc.uniqueArray(
  fc.record({
    environment: id,
    weight: fc.double({ min: 0.1, max: 9, noNaN: true }),
    minShare: fc.double({ min: 0, max: 0.3, noNaN: true }),
    whenShort: fc.constantFrom('release', 'wait'),
  }),
  { maxLength: 3, selector: ({ environment }) => environment },
);

const admission: fc.Arbitrary<RunSettings['admission']> = fc.oneof(
  fc.constant({ kind: 'off' as const }),
  fc.constant({ kind: 'strict' as const }),
  fc.record({
    kind: fc.constant('soft' as const),
    factor: fc.double({ min: 1, max: 9, noNaN: true }),
  }),
);

/** Shares are of environments that the run takes, and only a bound of age makes capacity. */
export const runSettings: fc.Arbitrary<RunSettings> = fc
  .record({
    batchSize: fc.oneof(
      fc.record({ kind: fc.constant('rows' as const), rows: fc.integer({ min: 1, max: 99 }) }),
      fc.record({ kind: fc.constant('tokens' as const), tokens: fc.integer({ min: 1, max: 99 }) }),
      fc.record({ kind: fc.constant('groups' as const), groups: fc.integer({ min: 1, max: 99 }) }),
    ),
    trainingPolicy: fc.constantFrom('strict', 'realign', 'fork', 'mask'),
    maxStaleness: fc.option(count, { nil: undefined }),
    maxWaitingGroups: fc.integer({ min: 1, max: 99 }),
    failedRollouts: fc.constantFrom('drop_rollout', 'drop_group', 'mask'),
    maxRowTokens: count,
    environments: fc.array(id, { maxLength: 2 }),
    dropUniformGroups: fc.boolean(),
    autoPlay: fc.option(
      fc.record({
        environments: fc.uniqueArray(
          fc.record({
            environment: id,
            groupSize: fc.integer({ min: 1, max: 9 }),
            split: text,
            weight: fc.double({ min: 0.1, max: 9, noNaN: true }),
          }),
          { minLength: 1, maxLength: 3, selector: ({ environment }) => environment },
        ),
        maxAhead: fc.integer({ min: 1, max: 9 }),
        maxBatchesAhead: count,
      }),
      { nil: undefined },
    ),
    overLength: fc.constantFrom('truncate', 'drop', 'split'),
    shares,
    admission,
  })
  .map((settings) => ({
    ...settings,
    environments:
      settings.environments.length === 0
        ? []
        : [...settings.environments, ...settings.shares.map(({ environment }) => environment)],
    maxStaleness:
      settings.admission.kind === 'off' ? settings.maxStaleness : (settings.maxStaleness ?? 1),
  }));
export const leasedOrder: fc.Arbitrary<LeasedOrder> = fc.record({
  assignment,
  run: runSettings.map((settings) => ({
    ...{ id: 'run', settings, policyVersion: 3, step: 2, closed: false, openTimeMs: 5 },
  })),
  attempt: fc.integer({ min: 1, max: 9 }),
  leaseMs: ms,
});

export const deadLetter: fc.Arbitrary<DeadLetter> = fc.record({
  assignmentId: id,
  environment: id,
  reason: fc.constantFrom('assignment_failed' as const, 'attempts_exhausted' as const),
  error: text,
  workerId: id,
  attempts: count,
  timeMs: ms,
});
