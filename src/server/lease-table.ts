import type { AssignmentKey } from '../broker/index.ts';
import { invalidInput } from '../errors.ts';
import { ByRun } from './by-run.ts';

interface Lease extends AssignmentKey {
  readonly workerId: string;
}

/** Who plays which assignment, as the broker told it. */
export class LeaseTable {
  readonly #leases = new ByRun<Lease>();

  set({ runId, assignmentId }: AssignmentKey, workerId: string): void {
    this.#leases.set(runId, assignmentId, { runId, assignmentId, workerId });
  }

  delete({ runId, assignmentId }: AssignmentKey): void {
    this.#leases.delete(runId, assignmentId);
  }

  [Symbol.iterator](): Iterator<Lease> {
    return [...this.#leases.values()].values();
  }

  /** Undefined while nobody does. */
  holderOf({ runId, assignmentId }: AssignmentKey): string | undefined {
    return this.#leases.get(runId, assignmentId)?.workerId;
  }

  ofRun(runId: string): number {
    return this.#leases.sizeOf(runId);
  }

  /**
   * The assignment that a worker means by an id, and by a run where it names one. Without, it is the only
   * one of that id that it holds; throws an invalid_input naming `field` when it holds several.
   */
  named(workerId: string, id: string, runId: string, field: string): AssignmentKey {
    if (runId !== '') return { runId, assignmentId: id };
    const runs = this.#leases
      .runsOf(id)
      .filter((run) => this.holderOf({ runId: run, assignmentId: id }) === workerId);
    if (runs.length <= 1) return { runId: runs[0] ?? '', assignmentId: id };
    const said = runs.map((run) => `"${run}"`).join(', ');
    throw invalidInput(field, `is empty, and "${id}" is an assignment of the runs ${said}.`, {
      reason: 'ASSIGNMENT_AMBIGUOUS',
      remedy: 'Name the run of each assignment, as its lease did.',
    });
  }
}
