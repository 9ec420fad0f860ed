import type { StoredAssignment } from './assignment-event.ts';
import { keys } from './journal/keys.ts';
import { encodeRecord } from './journal/record-codec.ts';
import type { AssignmentRecord } from './journal/records.ts';
import type { LinkedNode } from './linked-list.ts';
import type { QueueSeat } from './ordered-queue.ts';
import type { Hold } from './worker-holds.ts';

/** Where an open assignment stands. One that ended is forgotten here. */
type Standing =
  | { readonly kind: 'queued'; readonly seat: QueueSeat<OpenAssignment> }
  | {
      readonly kind: 'leased';
      readonly workerId: string;
      /** The call that leased it; undefined for one without an id, and once the worker has spoken of the lease. */
      readonly requestId: string | undefined;
      readonly expiresMs: number;
      readonly node: LinkedNode<OpenAssignment>;
      readonly hold: Hold;
    };

export interface OpenAssignment {
  readonly assignment: StoredAssignment;
  readonly ordinal: number;
  /** Times it was leased. */
  attempts: number;
  standing: Standing;
}

export function keyOf({ runId, id }: StoredAssignment): string {
  return keys.assignment(runId, id);
}

export function recordOf({ assignment, ordinal, attempts, standing }: OpenAssignment): Uint8Array {
  const { id, environment, priority, groupSize = null, payload } = assignment;
  const workerId = standing.kind === 'leased' ? standing.workerId : null;
  const requestId = standing.kind === 'leased' ? standing.requestId : undefined;
  const record: AssignmentRecord = {
    ...{ id, environment, priority, groupSize, ordinal, attempts, workerId },
    ...(requestId !== undefined && { requestId }),
  };
  return encodeRecord(record, payload);
}
