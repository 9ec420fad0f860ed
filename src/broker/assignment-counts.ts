import type { StoredAssignment } from './assignment-event.ts';

/** How many assignments of each run are open, by environment, and how many of them are leased. */
export class AssignmentCounts {
  readonly #open = new Map<string, Map<string, number>>();
  readonly #leased = new Map<string, number>();

  open({ runId, environment }: StoredAssignment, by: 1 | -1): void {
    const ofRun = this.#open.get(runId) ?? new Map<string, number>();
    add(ofRun, environment, by);
    if (ofRun.size > 0) this.#open.set(runId, ofRun);
    else this.#open.delete(runId);
  }

  leased({ runId }: StoredAssignment, by: 1 | -1): void {
    add(this.#leased, runId, by);
  }

  openOf(runId: string): number {
    let open = 0;
    for (const count of this.#open.get(runId)?.values() ?? []) open += count;
    return open;
  }

  openByEnvironment(runId: string): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#open.get(runId) ?? []);
  }

  leasedOf(runId: string): number {
    return this.#leased.get(runId) ?? 0;
  }
}

function add(counts: Map<string, number>, key: string, by: 1 | -1): void {
  const count = (counts.get(key) ?? 0) + by;
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
}
