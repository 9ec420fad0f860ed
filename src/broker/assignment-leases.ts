import type { AssignmentPlays } from './assignment-plays.ts';
import { LinkedList } from './linked-list.ts';
import type { OpenAssignment as Open } from './open-assignment.ts';
import type { Shortened, WorkerHold } from './run-detail.ts';
import { WorkerHolds } from './worker-holds.ts';

/** Who leases: a worker, by a call that it may repeat under the same id. */
export interface Lessee {
  readonly workerId: string;
  readonly requestId?: string | undefined;
}

/** What is asked for at one time. */
export interface LeaseOrder extends Lessee {
  readonly environments: readonly string[];
  readonly max: number;
  /** Of their payloads; the last may go beyond. */
  readonly maxBytes?: number | undefined;
}

/**
 * Who holds which assignment until when. What a call leased is remembered under the call's id until its
 * worker speaks of it or the lease ends, so that an answer that was lost can be given again.
 */
export class AssignmentLeases {
  readonly #leaseMs: number;
  readonly #plays: AssignmentPlays;
  /** Every lease lasts as long, so pushing a renewed one to the end keeps them in expiry order. */
  readonly #leases = new LinkedList<Open>();
  readonly #holds = new WorkerHolds();
  /** By worker and call. */
  readonly #unconfirmed = new Map<string, Set<Open>>();

  constructor(leaseMs: number, plays: AssignmentPlays) {
    this.#leaseMs = leaseMs;
    this.#plays = plays;
  }

  get first(): Open | undefined {
    return this.#leases.first?.value;
  }

  /** When the first lease ends; undefined when none is out. */
  get nextExpiryMs(): number | undefined {
    const standing = this.first?.standing;
    return standing?.kind === 'leased' ? standing.expiresMs : undefined;
  }

  workers(runId: string, nowMs: number): Shortened<WorkerHold> {
    return this.#holds.read(runId, nowMs);
  }

  /** One that stands nowhere. */
  hold(open: Open, { workerId, requestId }: Lessee, nowMs: number): void {
    const expiresMs = nowMs + this.#leaseMs;
    const hold = this.#holds.hold(open.assignment.runId, workerId, nowMs);
    const node = this.#leases.push(open);
    open.standing = { kind: 'leased', workerId, requestId, expiresMs, node, hold };
    if (requestId !== undefined) {
      const call = callOf(workerId, requestId);
      const ofCall = this.#unconfirmed.get(call) ?? new Set<Open>();
      this.#unconfirmed.set(call, ofCall.add(open));
    }
    this.#plays.began(open.assignment, nowMs);
  }

  /** Its worker has it. */
  renew(open: Open, nowMs: number): void {
    if (open.standing.kind !== 'leased') return;
    this.#confirm(open);
    this.#leases.remove(open.standing.node);
    const expiresMs = nowMs + this.#leaseMs;
    const node = this.#leases.push(open);
    open.standing = { ...open.standing, requestId: undefined, expiresMs, node };
    this.#plays.began(open.assignment, nowMs);
  }

  drop(open: Open): void {
    if (open.standing.kind !== 'leased') return;
    this.#confirm(open);
    this.#leases.remove(open.standing.node);
    this.#holds.drop(open.standing.hold);
    this.#plays.stopped(open.assignment);
  }

  /** What a call leased and nobody has spoken of since, in the order of being leased. */
  unconfirmed({ workerId, requestId }: Lessee): readonly Open[] {
    if (requestId === undefined) return [];
    return [...(this.#unconfirmed.get(callOf(workerId, requestId)) ?? [])];
  }

  /** Nobody is said to hold anything of it any more. */
  forgetRun(runId: string): void {
    this.#holds.forgetRun(runId);
  }

  #confirm(open: Open): void {
    if (open.standing.kind !== 'leased' || open.standing.requestId === undefined) return;
    const call = callOf(open.standing.workerId, open.standing.requestId);
    const ofCall = this.#unconfirmed.get(call);
    ofCall?.delete(open);
    if (ofCall?.size === 0) this.#unconfirmed.delete(call);
  }
}

/** Worker ids hold no space. */
function callOf(workerId: string, requestId: string): string {
  return `${workerId} ${requestId}`;
}
