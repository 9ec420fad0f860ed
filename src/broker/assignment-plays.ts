import type { StoredAssignment } from './assignment-event.ts';

/** Whom the book of assignments asks before it leases, and tells who is at work. */
export interface AssignmentPlays {
  mayBegin(assignment: StoredAssignment, nowMs: number): boolean;
  /** Leased, or kept. */
  began(assignment: StoredAssignment, nowMs: number): void;
  /** Leased no more. */
  stopped(assignment: StoredAssignment): void;
}
