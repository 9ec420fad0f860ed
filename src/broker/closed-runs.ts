import type { OpenAssignment as Open } from './open-assignment.ts';

/** What a closed run left: assignments that are still to be told of, and records that are of no more use. */
export interface Remains {
  readonly assignments: Iterator<Open> | undefined;
  /** Keys of a journal. */
  readonly records: Iterator<string> | undefined;
}

export type Remnant =
  | { readonly kind: 'assignment'; readonly open: Open }
  | { readonly kind: 'record'; readonly key: string };

/**
 * The assignments of runs that were closed, which have ended already, as the run says. What is left to do
 * about each is done one by one, so that a run with very many does not hold up everything else.
 */
export class ClosedRuns {
  readonly #byRun = new Map<string, Remains>();

  add(runId: string, remains: Remains): void {
    if (!this.#byRun.has(runId)) this.#byRun.set(runId, remains);
  }

  get isEmpty(): boolean {
    return this.#byRun.size === 0;
  }

  has(runId: string): boolean {
    return this.#byRun.has(runId);
  }

  /** The next that is to be dealt with; undefined when all are. */
  next(): Remnant | undefined {
    for (const [runId, { assignments, records }] of this.#byRun) {
      const open = assignments?.next();
      if (open !== undefined && open.done !== true) {
        return { kind: 'assignment', open: open.value };
      }
      const key = records?.next();
      if (key !== undefined && key.done !== true) return { kind: 'record', key: key.value };
      this.#byRun.delete(runId);
    }
    return undefined;
  }
}
