import { createHash } from 'node:crypto';
import {
  type AssignmentKey,
  heldPayload,
  type RunSettings,
  type StoredAssignment,
  type SubmittedGroup,
} from '../../../src/broker/index.ts';
import { emptyLedger } from '../../../src/tokens/index.ts';

export function settings(changes: Partial<RunSettings> = {}): RunSettings {
  return {
    batchSize: { kind: 'rows', rows: 4 },
    trainingPolicy: 'strict',
    maxStaleness: undefined,
    maxWaitingGroups: 0,
    failedRollouts: 'drop_rollout',
    maxRowTokens: 0,
    environments: [],
    autoPlay: undefined,
    dropUniformGroups: false,
    overLength: 'truncate',
    shares: [],
    admission: { kind: 'off' },
    ...changes,
  };
}

/** A group of `rows` rows (or of rows of the given token counts), whose bytes are its id. */
export function group(
  id: string,
  rows: number | readonly number[] = 1,
  changes: Partial<SubmittedGroup> = {},
): SubmittedGroup {
  const tokens = typeof rows === 'number' ? new Array<number>(rows).fill(10) : rows;
  const part = new TextEncoder().encode(id);
  return {
    id,
    runId: 'run',
    environment: 'env',
    taskKey: `task of ${id}`,
    rows: tokens.map((count, partIndex) => ({
      partIndex,
      tokens: count,
      sampledTokens: 0,
      trainedTokens: 0,
    })),
    rewards: tokens.map(() => 1),
    oldestPolicyVersion: 0,
    ledger: emptyLedger(),
    payload: heldPayload(new Uint8Array(0), [part]),
    digest: new Uint8Array(createHash('sha256').update(part).digest()),
    ...changes,
  };
}

/** Names of assignments. */
export function named(...ids: readonly string[]): readonly AssignmentKey[] {
  return ids.map((assignmentId) => ({ runId: 'run', assignmentId }));
}

export function assignment(id: string, changes: Partial<StoredAssignment> = {}): StoredAssignment {
  const payload = new Uint8Array(0);
  return { id, runId: 'run', environment: 'env', priority: 0, payload, ...changes };
}
