/** The broker's own view of an order to play; `payload` is the serialized `lachesis.v1.Assignment`. */
export interface StoredAssignment {
  readonly id: string;
  readonly runId: string;
  readonly environment: string;
  readonly priority: number;
  /** Rollouts that its group will have; undefined when nobody says. */
  readonly groupSize?: number;
  readonly payload: Uint8Array;
}

/** Names an assignment: two runs may use the same ids. */
export interface AssignmentKey {
  readonly runId: string;
  readonly assignmentId: string;
}

/** Why an assignment is over; the last two leave a {@link DeadLetter}. */
export type AssignmentEnding = 'stored' | 'run_closed' | 'assignment_failed' | 'attempts_exhausted';

/** What becomes of an order to play, told in the moment it is decided. */
export type AssignmentEvent =
  /** It may be leased, as that attempt; `error`: why the one before is over. */
  | {
      readonly kind: 'queued';
      readonly assignment: StoredAssignment;
      readonly attempt: number;
      readonly error: string | undefined;
    }
  | {
      readonly kind: 'leased';
      readonly assignment: StoredAssignment;
      readonly attempt: number;
      readonly workerId: string;
    }
  | {
      readonly kind: 'ended';
      readonly assignment: StoredAssignment;
      readonly how: AssignmentEnding;
      /** In words; empty where nothing went wrong. */
      readonly error: string;
    };

/** An assignment that was given up: failed for good, or after its last attempt. */
export interface DeadLetter {
  readonly assignmentId: string;
  readonly environment: string;
  readonly reason: 'assignment_failed' | 'attempts_exhausted';
  /** Of the last attempt. */
  readonly error: string;
  /** Who had it last. */
  readonly workerId: string;
  readonly attempts: number;
  readonly timeMs: number;
}
