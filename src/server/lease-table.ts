/** Who plays which assignment, as the broker told it. */
export class LeaseTable {
  readonly #leases = new Map<string, { readonly workerId: string; readonly runId: string }>();
  readonly #byRun = new Map<string, number>();

  set(assignmentId: string, workerId: string, runId: string): void {
    this.delete(assignmentId);
    this.#leases.set(assignmentId, { workerId, runId });
    this.#byRun.set(runId, this.ofRun(runId) + 1);
  }

  delete(assignmentId: string): void {
    const lease = this.#leases.get(assignmentId);
    if (lease === undefined) return;
    this.#leases.delete(assignmentId);
    const left = this.ofRun(lease.runId) - 1;
    if (left > 0) this.#byRun.set(lease.runId, left);
    else this.#byRun.delete(lease.runId);
  }

  /** Undefined while nobody does. */
  holderOf(assignmentId: string): string | undefined {
    return this.#leases.get(assignmentId)?.workerId;
  }

  ofRun(runId: string): number {
    return this.#byRun.get(runId) ?? 0;
  }
}
