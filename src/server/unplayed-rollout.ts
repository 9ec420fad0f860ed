import { failureOf, type Rollout } from '../contract/index.ts';
import type { LachesisError } from '../errors.ts';
import { emptyLedger } from '../tokens/index.ts';
import type { RolloutState } from './rollout-log.ts';

/** The ending of a rollout that nobody played to its end: cancelled before it began, or its worker is gone. */
export function unplayedRollout(state: RolloutState, error: LachesisError, nowMs: number): Rollout {
  const { group } = state;
  return {
    id: state.rolloutId,
    groupId: group.groupId,
    taskKey: group.taskKey,
    index: state.index,
    result: {
      messages: [],
      stopReason: error.kind === 'cancelled' ? 'cancelled' : 'infrastructure_error',
      stopDetail: error.message,
      finishedNaturally: false,
      turnsUsed: 0,
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
      usage: { modelCalls: 0, modelRetries: 0 },
      messagesTruncated: 0,
    },
    outcome: { kind: 'not_scored', failure: failureOf(error) },
    segments: [],
    ledger: emptyLedger(),
    provenance: {
      environment: group.environment,
      environmentVersion: '',
      verifierVersion: '',
      model: '',
      sampling: {},
      rendering: { tokenizerSha256: '', templateSha256: '' },
      isolation: 'none',
      workerId: '',
      logprobMode: '',
    },
    startTimeMs: nowMs,
    endTimeMs: nowMs,
    metrics: {},
  };
}
