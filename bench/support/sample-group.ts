import type { Group, Rollout } from '../../src/contract/index.ts';
import { emptyLedger, SegmentBuilder } from '../../src/tokens/index.ts';

/** Ids with the skew of a real vocabulary of 151,936, from a small fixed generator. */
function ids(count: number, next: () => number): Int32Array {
  return Int32Array.from({ length: count }, () => Math.floor(151_936 ** next()));
}

/** A fixed generator, so that every run of a benchmark sees the same numbers. */
export function lcg(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

export interface SampleGroupOptions {
  readonly id: string;
  readonly runId: string;
  readonly rollouts: number;
  readonly tokens: number;
  readonly promptTokens: number;
  /** Other numbers for another one. Default: 1. */
  readonly seed?: number;
}

/** A scored group of one-turn rollouts with float32 logprobs. */
export function sampleGroup(options: SampleGroupOptions): Group {
  const next = lcg(options.seed ?? 1);
  const rollouts = Array.from({ length: options.rollouts }, (_, index): Rollout => {
    const sampled = options.tokens - options.promptTokens;
    const segment = new SegmentBuilder({
      id: 's0',
      reason: 'start',
      rendering: { tokenizerSha256: 'a'.repeat(64), templateSha256: 'b'.repeat(64) },
    });
    segment.append(ids(options.promptTokens, next), { origin: 'prompt', messageIndex: 0 });
    segment.appendSampled(
      ids(sampled, next),
      Float32Array.from({ length: sampled }, () => Math.log(next() + 1e-9)),
      { callIndex: 0, messageIndex: 1, announcedVersion: 3 },
    );
    return {
      id: `${options.id}.${index}`,
      groupId: options.id,
      taskKey: 'task',
      index,
      result: {
        messages: [{ role: 'user', content: [{ kind: 'text', text: 'question' }] }],
        stopReason: 'natural',
        stopDetail: '',
        finishedNaturally: true,
        turnsUsed: 1,
        turns: [],
        toolErrors: [],
        toolCalls: {
          attempted: 0,
          schemaValid: 0,
          executedOk: 0,
          execError: 0,
          unknown: 0,
          coerced: 0,
          repaired: 0,
          refused: 0,
          timedOut: 0,
          jsonSchemaValid: 0,
          tools: [],
        },
        usage: { modelCalls: 1, modelRetries: 0 },
        messagesTruncated: 0,
      },
      outcome: { kind: 'scored', reward: index % 2, components: [] },
      segments: [segment.build()],
      calls: [],
      ledger: { ...emptyLedger(), sampled, trained: sampled },
      provenance: {
        environment: 'bench',
        environmentVersion: '1',
        verifierVersion: '',
        model: 'none',
        sampling: { temperature: 1 },
        rendering: { tokenizerSha256: 'a'.repeat(64), templateSha256: 'b'.repeat(64) },
        isolation: 'none',
        workerId: 'bench',
        logprobMode: 'processed',
      },
      startTimeMs: 0,
      endTimeMs: 0,
      metrics: {},
    };
  });
  return {
    id: options.id,
    runId: options.runId,
    environment: 'bench',
    taskKey: 'task',
    rollouts,
    trainingPolicy: 'strict',
  };
}
