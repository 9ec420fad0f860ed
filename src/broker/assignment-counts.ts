import type { StoredAssignment } from './assignment-event.ts';

/** How many assignments of each run are open, by environment. */
export class AssignmentCounts {
  readonly #open = new Map<string, Map<string, number>>();

  open({ runId, environment }: StoredAssignment, by: 1 | -1): void {
    const ofRun = this.#open.get(runId) ?? new Map<string, number>();
    add(ofRun, environment, by);
    if (ofRun.size > 0) this.#open.set(runId, ofRun);
    else this.#open.delete(runId);
  }

  forgetRun(runId: string): void {
    this.#open.delete(runId);
  }

  openOf(runId: string): number {
    let open = 0;
    for (const count of this.#open.get(runId)?.values() ?? []) open += count;
    return open;
  }

  openByEnvironment(runId: string): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#open.get(runId) ?? []);
  }
}

function add(counts: Map<string, number>, key: string, by: 1 | -1): void {
  const count = (counts.get(key) ?? 0) + by;
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
}
