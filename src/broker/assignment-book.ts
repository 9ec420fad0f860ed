import { AssignmentCounts } from './assignment-counts.ts';
import type {
  AssignmentEnding,
  AssignmentEvent,
  DeadLetter,
  StoredAssignment,
} from './assignment-event.ts';
import { AssignmentQueues } from './assignment-queues.ts';
import type { LeasedAssignment } from './broker.ts';
import type { Journal } from './journal/journal.ts';
import type { AssignmentRecord } from './journal/records.ts';
import { LinkedList } from './linked-list.ts';
import { keyOf, type OpenAssignment as Open, recordOf } from './open-assignment.ts';
import type { Shortened, WorkerHold } from './run-detail.ts';
import { WorkerHolds } from './worker-holds.ts';

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

/** Whom the book asks before it leases, and tells who is at work. */
export interface AssignmentPlays {
  mayBegin(assignment: StoredAssignment, nowMs: number): boolean;
  /** Leased, or kept. */
  began(assignment: StoredAssignment, nowMs: number): void;
  /** Leased no more. */
  stopped(assignment: StoredAssignment): void;
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
  readonly #open = new Map<string, Open>();
  readonly #queues = new AssignmentQueues<Open>();
  /** Every lease lasts as long, so pushing a renewed one to the end keeps them in expiry order. */
  readonly #leases = new LinkedList<Open>();
  readonly counts = new AssignmentCounts();
  readonly #holds = new WorkerHolds();
  #lastOrdinal = 0;
  #lastEnvironment: string | undefined;

  /** `restored` in the order of being enqueued. Their leases go on from `nowMs`. */
  constructor(
    options: AssignmentBookOptions,
    restored: readonly RestoredAssignment[] = [],
    nowMs = 0,
  ) {
    this.#options = options;
    for (const { assignment, record } of restored) {
      const open = this.#seat(assignment, record.ordinal, record.attempts);
      this.#lastOrdinal = Math.max(this.#lastOrdinal, record.ordinal);
      if (record.workerId === null) continue;
      this.#leave(open);
      this.#hold(open, record.workerId, nowMs);
    }
  }

  /** When the first lease ends; undefined when none is out. */
  get nextExpiryMs(): number | undefined {
    const standing = this.#leases.first?.value.standing;
    return standing?.kind === 'leased' ? standing.expiresMs : undefined;
  }

  workers(runId: string, nowMs: number): Shortened<WorkerHold> {
    return this.#holds.read(runId, nowMs);
  }

  /** Of an open one. */
  runOf(id: string): string | undefined {
    return this.#open.get(id)?.assignment.runId;
  }

  has(id: string): boolean {
    return this.#open.has(id);
  }

  /** What is open, as if it were told of just now. */
  *open(): Generator<AssignmentEvent, void, void> {
    for (const { assignment, attempts, standing } of this.#open.values()) {
      yield standing.kind === 'queued'
        ? { kind: 'queued', assignment, attempt: attempts + 1, error: undefined }
        : { kind: 'leased', assignment, attempt: attempts, workerId: standing.workerId };
    }
  }

  /** False when it is open already. */
  enqueue(assignment: StoredAssignment): boolean {
    if (this.#open.has(assignment.id)) return false;
    this.#lastOrdinal += 1;
    const open = this.#seat(assignment, this.#lastOrdinal, 0);
    this.#options.journal.put(keyOf(assignment), () => recordOf(open));
    this.#tell({ kind: 'queued', assignment, attempt: 1, error: undefined });
    return true;
  }

  #seat(assignment: StoredAssignment, ordinal: number, attempts: number): Open {
    const open = { assignment, ordinal, attempts } as Open;
    open.standing = { kind: 'queued', seat: this.#queues.push(open) };
    this.#open.set(assignment.id, open);
    this.counts.open(assignment, 1);
    return open;
  }

  /** Takes turns over the environments; of each, highest priority first, then longest waiting, of what may begin. */
  lease(
    workerId: string,
    environments: readonly string[],
    max: number,
    nowMs: number,
  ): readonly LeasedAssignment[] {
    const leased: LeasedAssignment[] = [];
    const names = this.#inTurn([...new Set(environments)]);
    while (leased.length < max) {
      const before = leased.length;
      for (const name of names) {
        if (leased.length >= max) break;
        const mayBegin = (one: Open) => this.#options.plays.mayBegin(one.assignment, nowMs);
        const open = this.#queues.first(name, mayBegin);
        if (open === undefined) continue;
        this.#leave(open);
        open.attempts += 1;
        this.#hold(open, workerId, nowMs);
        this.#later(open);
        this.#lastEnvironment = name;
        const { assignment, attempts: attempt } = open;
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

  /** Renews the worker's leases; returns the ids that it does not hold. */
  extend(workerId: string, ids: readonly string[], nowMs: number): readonly string[] {
    const lost: string[] = [];
    for (const id of ids) {
      const open = this.#heldBy(workerId, id);
      if (open === undefined) {
        lost.push(id);
        continue;
      }
      this.#renew(open, nowMs);
    }
    return lost;
  }

  /** Gives it back, or ends it: for good, or after its last attempt. */
  fail(
    workerId: string,
    id: string,
    { permanent, error }: { readonly permanent: boolean; readonly error: string },
  ): Failed {
    const open = this.#heldBy(workerId, id);
    if (open === undefined) return { kind: 'not_held' };
    const givenUp = permanent
      ? this.#giveUp(open, 'assignment_failed', error)
      : this.#giveBack(open, error);
    return givenUp === undefined ? { kind: 'queued_again' } : { kind: 'ended', givenUp };
  }

  /** Ends it, whatever its standing. */
  end(id: string, how: AssignmentEnding, error = ''): void {
    const open = this.#open.get(id);
    if (open === undefined) return;
    const { assignment } = open;
    this.#leave(open);
    this.#open.delete(id);
    this.#options.journal.remove(keyOf(assignment));
    this.counts.open(assignment, -1);
    this.#tell({ kind: 'ended', assignment, how, error });
  }

  endRun(runId: string): void {
    for (const [id, open] of this.#open) {
      if (open.assignment.runId === runId) this.end(id, 'run_closed');
    }
  }

  /** Gives back what expired by `nowMs`: how many are queued again, and whose last attempt it was. */
  expire(nowMs: number): {
    readonly requeued: number;
    readonly ended: readonly GivenUp[];
  } {
    const ended: GivenUp[] = [];
    let requeued = 0;
    for (let head = this.#leases.first; head !== undefined; head = this.#leases.first) {
      const open = head.value;
      if (open.standing.kind !== 'leased' || open.standing.expiresMs > nowMs) break;
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
    this.end(assignment.id, reason, error);
    return { assignment, attempts, workerId, reason, error };
  }

  #tell(event: AssignmentEvent): void {
    this.#options.onEvent?.(event);
  }

  /** Who holds it: nothing is lost when a crash forgets it. */
  #later(open: Open): void {
    this.#options.journal.putLater(keyOf(open.assignment), () => recordOf(open));
  }

  #heldBy(workerId: string, id: string): Open | undefined {
    const open = this.#open.get(id);
    const held = open?.standing.kind === 'leased' && open.standing.workerId === workerId;
    return held ? open : undefined;
  }

  #hold(open: Open, workerId: string, nowMs: number): void {
    const expiresMs = nowMs + this.#options.leaseMs;
    const hold = this.#holds.hold(open.assignment.runId, workerId, nowMs);
    const node = this.#leases.push(open);
    open.standing = { kind: 'leased', workerId, expiresMs, node, hold };
    this.#options.plays.began(open.assignment, nowMs);
  }

  #renew(open: Open, nowMs: number): void {
    if (open.standing.kind !== 'leased') return;
    this.#leases.remove(open.standing.node);
    const expiresMs = nowMs + this.#options.leaseMs;
    open.standing = { ...open.standing, expiresMs, node: this.#leases.push(open) };
    this.#options.plays.began(open.assignment, nowMs);
  }

  /** Takes it off the list that it stands in. */
  #leave(open: Open): void {
    const { standing } = open;
    if (standing.kind === 'leased') {
      this.#leases.remove(standing.node);
      this.#holds.drop(standing.hold);
      this.#options.plays.stopped(open.assignment);
    } else this.#queues.remove(open, standing.seat);
  }
}
