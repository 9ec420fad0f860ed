import { AssignmentCounts } from './assignment-counts.ts';
import type {
  AssignmentEnding,
  AssignmentEvent,
  AssignmentKey,
  DeadLetter,
  StoredAssignment,
} from './assignment-event.ts';
import { AssignmentLeases, type LeaseOrder, type Lessee } from './assignment-leases.ts';
import type { AssignmentPlays } from './assignment-plays.ts';
import { AssignmentQueues } from './assignment-queues.ts';
import type { LeasedAssignment } from './broker.ts';
import { ClosedRuns } from './closed-runs.ts';
import type { Journal } from './journal/journal.ts';
import type { AssignmentRecord } from './journal/records.ts';
import { keyOf, type OpenAssignment as Open, recordOf } from './open-assignment.ts';
import { nameOf, OpenAssignments } from './open-assignments.ts';
import type { Shortened, WorkerHold } from './run-detail.ts';

export type Failed =
  | { readonly kind: 'not_held' }
  | { readonly kind: 'queued_again' }
  | { readonly kind: 'ended'; readonly givenUp: GivenUp };

/** An assignment that ended without a group, and how its last attempt went. */
export type GivenUp = Pick<DeadLetter, 'reason' | 'error' | 'workerId' | 'attempts'> & {
  readonly assignment: StoredAssignment;
};

export interface AssignmentBookOptions {
  readonly leaseMs: number;
  /** Times an assignment is tried before it is given up. */
  readonly maxAttempts: number;
  readonly journal: Journal;
  readonly plays: AssignmentPlays;
  /** Told of everything as it happens. */
  readonly onEvent?: (event: AssignmentEvent) => void;
}

/** An assignment that a journal has. */
export interface RestoredAssignment {
  readonly assignment: StoredAssignment;
  readonly record: AssignmentRecord;
}

/**
 * The assignments of all runs that are queued or being played. A lease that expires or fails puts
 * its assignment back at the front; after the last attempt it ends. It has no clock: every method
 * that depends on time is told it, and `expire` must have been called for that time before.
 */
export class AssignmentBook {
  readonly #options: AssignmentBookOptions;
  readonly #open = new OpenAssignments();
  readonly #queues = new AssignmentQueues<Open>();
  readonly #leases: AssignmentLeases;
  readonly #closed = new ClosedRuns();
  readonly counts = new AssignmentCounts();
  #lastOrdinal = 0;
  #lastEnvironment: string | undefined;

  /** `restored` in the order of being enqueued. Their leases go on from `nowMs`. */
  constructor(
    options: AssignmentBookOptions,
    restored: readonly RestoredAssignment[] = [],
    nowMs = 0,
  ) {
    this.#options = options;
    this.#leases = new AssignmentLeases(options.leaseMs, options.plays);
    for (const { assignment, record } of restored) {
      const open = this.#seat(assignment, record.ordinal, record.attempts);
      this.#lastOrdinal = Math.max(this.#lastOrdinal, record.ordinal);
      if (record.workerId === null) continue;
      this.#leave(open);
      const { workerId, requestId } = record;
      this.#leases.hold(open, { workerId, requestId }, nowMs);
    }
  }

  /** When the first lease ends; undefined when none is out. */
  get nextExpiryMs(): number | undefined {
    return this.#leases.nextExpiryMs;
  }

  workers(runId: string, nowMs: number): Shortened<WorkerHold> {
    return this.#leases.workers(runId, nowMs);
  }

  has(key: AssignmentKey): boolean {
    return this.#open.get(key) !== undefined;
  }

  /** What is open, as if it were told of just now. */
  *open(): Generator<AssignmentEvent, void, void> {
    for (const { assignment, attempts, standing } of this.#open) {
      yield standing.kind === 'queued'
        ? { kind: 'queued', assignment, attempt: attempts + 1, error: undefined }
        : { kind: 'leased', assignment, attempt: attempts, workerId: standing.workerId };
    }
  }

  /** False when it is open already. */
  enqueue(assignment: StoredAssignment): boolean {
    if (this.has(nameOf(assignment))) return false;
    this.#lastOrdinal += 1;
    const open = this.#seat(assignment, this.#lastOrdinal, 0);
    this.#options.journal.put(keyOf(assignment), () => recordOf(open));
    this.#tell({ kind: 'queued', assignment, attempt: 1, error: undefined });
    return true;
  }

  #seat(assignment: StoredAssignment, ordinal: number, attempts: number): Open {
    const open = { assignment, ordinal, attempts } as Open;
    open.standing = { kind: 'queued', seat: this.#queues.push(open) };
    this.#open.add(open);
    this.counts.open(assignment, 1);
    return open;
  }

  /** What a call of that id leased before, with what is left of its leases; empty once the worker spoke of them. */
  leasedBefore(lessee: Lessee, nowMs: number): readonly LeasedAssignment[] {
    return this.#leases.unconfirmed(lessee).flatMap((open) => {
      const { assignment, attempts: attempt, standing } = open;
      if (standing.kind !== 'leased' || !this.#open.holds(open)) return [];
      const leaseMs = standing.expiresMs - nowMs;
      return leaseMs > 0 ? { assignment, attempt, leaseMs } : [];
    });
  }

  /** Takes turns over the environments; of each, highest priority first, then longest waiting, of what may begin. */
  lease(order: LeaseOrder, nowMs: number): readonly LeasedAssignment[] {
    const { workerId, max, maxBytes = Infinity } = order;
    const leased: LeasedAssignment[] = [];
    const names = this.#inTurn([...new Set(order.environments)]);
    let bytes = 0;
    const isFull = (): boolean => leased.length >= max || bytes >= maxBytes;
    while (!isFull()) {
      const before = leased.length;
      for (const name of names) {
        if (isFull()) break;
        const mayBegin = (one: Open) => this.#options.plays.mayBegin(one.assignment, nowMs);
        const open = this.#queues.first(name, mayBegin);
        if (open === undefined) continue;
        this.#leave(open);
        open.attempts += 1;
        this.#leases.hold(open, order, nowMs);
        this.#later(open);
        this.#lastEnvironment = name;
        const { assignment, attempts: attempt } = open;
        bytes += assignment.payload.length;
        leased.push({ assignment, attempt, leaseMs: this.#options.leaseMs });
        this.#tell({ kind: 'leased', assignment, attempt, workerId });
      }
      if (leased.length === before) break;
    }
    return leased;
  }

  /** From the one after the last that was leased of, so that it goes round over calls for one each. */
  #inTurn(names: readonly string[]): readonly string[] {
    const at = names.indexOf(this.#lastEnvironment ?? '') + 1;
    return [...names.slice(at), ...names.slice(0, at)];
  }

  /** Renews the worker's leases; returns those that it does not hold. */
  extend(
    workerId: string,
    keys: readonly AssignmentKey[],
    nowMs: number,
  ): readonly AssignmentKey[] {
    return keys.filter((key) => {
      const open = this.#heldBy(workerId, key);
      if (open !== undefined) this.#leases.renew(open, nowMs);
      return open === undefined;
    });
  }

  /** Gives it back, or ends it: for good, or after its last attempt. */
  fail(
    workerId: string,
    key: AssignmentKey,
    { permanent, error }: { readonly permanent: boolean; readonly error: string },
  ): Failed {
    const open = this.#heldBy(workerId, key);
    if (open === undefined) return { kind: 'not_held' };
    const givenUp = permanent
      ? this.#giveUp(open, 'assignment_failed', error)
      : this.#giveBack(open, error);
    return givenUp === undefined ? { kind: 'queued_again' } : { kind: 'ended', givenUp };
  }

  /** Ends it, whatever its standing. */
  end(key: AssignmentKey, how: AssignmentEnding, error = ''): void {
    const open = this.#open.get(key);
    if (open === undefined) return;
    this.#open.delete(open);
    this.counts.open(open.assignment, -1);
    this.#forget(open, how, error);
  }

  /**
   * Ends all of a run that was closed, at once and however many. Whoever follows is told by `settle`, which
   * takes their records out of the journal as well: until then the run's own says that they have ended.
   */
  endRun(runId: string, records?: Iterable<string>): void {
    const assignments = this.#open.takeRun(runId);
    if (assignments === undefined && records === undefined) return;
    this.#queues.removeRun(runId);
    this.#leases.forgetRun(runId);
    this.counts.forgetRun(runId);
    this.#closed.add(runId, { assignments, records: records?.[Symbol.iterator]() });
  }

  /** Whether something is left of a run that was closed. */
  isSettling(runId: string): boolean {
    return this.#closed.has(runId);
  }

  /** Deals with up to `max` of what closed runs left; true when nothing is left. */
  settle(max: number): boolean {
    for (let count = 0; count < max; count += 1) {
      const remnant = this.#closed.next();
      if (remnant === undefined) break;
      if (remnant.kind === 'record') this.#options.journal.remove(remnant.key);
      else this.#forget(remnant.open, 'run_closed', '');
    }
    return this.#closed.isEmpty;
  }

  #forget(open: Open, how: AssignmentEnding, error: string): void {
    const { assignment } = open;
    this.#leave(open);
    this.#options.journal.remove(keyOf(assignment));
    this.#tell({ kind: 'ended', assignment, how, error });
  }

  /** Gives back what expired by `nowMs`: how many are queued again, and whose last attempt it was. */
  expire(nowMs: number): {
    readonly requeued: number;
    readonly ended: readonly GivenUp[];
  } {
    const ended: GivenUp[] = [];
    let requeued = 0;
    for (let open = this.#leases.first; open !== undefined; open = this.#leases.first) {
      if (open.standing.kind !== 'leased' || open.standing.expiresMs > nowMs) break;
      if (!this.#open.holds(open)) {
        // Its run was closed.
        this.#leases.drop(open);
        continue;
      }
      const last = this.#giveBack(open, 'its lease ran out.');
      if (last === undefined) requeued += 1;
      else ended.push(last);
    }
    return { requeued, ended };
  }

  /** Returns it when that ended it. */
  #giveBack(open: Open, error: string): GivenUp | undefined {
    const { assignment, attempts } = open;
    if (attempts >= this.#options.maxAttempts) {
      return this.#giveUp(open, 'attempts_exhausted', error);
    }
    this.#leave(open);
    open.standing = { kind: 'queued', seat: this.#queues.unshift(open) };
    this.#later(open);
    this.#tell({ kind: 'queued', assignment, attempt: attempts + 1, error });
    return undefined;
  }

  #giveUp(open: Open, reason: GivenUp['reason'], error: string): GivenUp {
    const { assignment, attempts, standing } = open;
    const workerId = standing.kind === 'leased' ? standing.workerId : '';
    this.end(nameOf(assignment), reason, error);
    return { assignment, attempts, workerId, reason, error };
  }

  #tell(event: AssignmentEvent): void {
    this.#options.onEvent?.(event);
  }

  /** Who holds it: nothing is lost when a crash forgets it. */
  #later(open: Open): void {
    this.#options.journal.putLater(keyOf(open.assignment), () => recordOf(open));
  }

  #heldBy(workerId: string, key: AssignmentKey): Open | undefined {
    const open = this.#open.get(key);
    const held = open?.standing.kind === 'leased' && open.standing.workerId === workerId;
    return held ? open : undefined;
  }

  /** Takes it off the list that it stands in. */
  #leave(open: Open): void {
    if (open.standing.kind === 'leased') this.#leases.drop(open);
    else this.#queues.remove(open, open.standing.seat);
  }
}
