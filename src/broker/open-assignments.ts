import type { AssignmentKey, StoredAssignment } from './assignment-event.ts';
import type { OpenAssignment as Open } from './open-assignment.ts';

/** Open assignments by run and id; all of a run are taken out at once. */
export class OpenAssignments {
  readonly #byRun = new Map<string, Map<string, Open>>();

  add(open: Open): void {
    const { runId, id } = open.assignment;
    const ofRun = this.#byRun.get(runId) ?? new Map<string, Open>();
    ofRun.set(id, open);
    this.#byRun.set(runId, ofRun);
  }

  get({ runId, assignmentId }: AssignmentKey): Open | undefined {
    return this.#byRun.get(runId)?.get(assignmentId);
  }

  holds(open: Open): boolean {
    return this.get(nameOf(open.assignment)) === open;
  }

  delete({ assignment: { runId, id } }: Open): void {
    const ofRun = this.#byRun.get(runId);
    ofRun?.delete(id);
    if (ofRun?.size === 0) this.#byRun.delete(runId);
  }

  /** In constant time. */
  takeRun(runId: string): Iterator<Open> | undefined {
    const ofRun = this.#byRun.get(runId);
    this.#byRun.delete(runId);
    return ofRun?.values();
  }

  *[Symbol.iterator](): Generator<Open, void, void> {
    for (const ofRun of this.#byRun.values()) yield* ofRun.values();
  }
}

export function nameOf({ runId, id }: Pick<StoredAssignment, 'runId' | 'id'>): AssignmentKey {
  return { runId, assignmentId: id };
}
