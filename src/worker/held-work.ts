import type { AssignmentKey } from '../broker/index.ts';
import type { Assignment } from '../contract/index.ts';
import { LachesisError } from '../errors.ts';
import type { LeasedWork } from './work-plane.ts';

/** One assignment that this worker holds, from its lease until it is submitted, failed or lost. */
export interface Held {
  readonly work: LeasedWork;
  /** Fires when the lease is lost or the worker gives up waiting for it. */
  readonly controller: AbortController;
  /** True: somebody else has it now, so nothing may be said about it any more. */
  lost: boolean;
}

/** The assignments that a worker holds. */
export class HeldWork {
  readonly #held = new Map<string, Held>();

  get size(): number {
    return this.#held.size;
  }

  get assignments(): readonly AssignmentKey[] {
    return [...this.#held.values()].map(({ work }) => keyOf(work.assignment));
  }

  /** The shortest lease held, which says how often to keep them; undefined when none is. */
  get shortestLeaseMs(): number | undefined {
    const leases = [...this.#held.values()].map(({ work }) => work.leaseMs);
    return leases.length === 0 ? undefined : Math.min(...leases);
  }

  /** Undefined when it is held already: a second lease of an assignment is the first one, renewed. */
  take(work: LeasedWork): Held | undefined {
    const name = nameOf(keyOf(work.assignment));
    if (this.#held.has(name)) return undefined;
    const held: Held = { work, controller: new AbortController(), lost: false };
    this.#held.set(name, held);
    return held;
  }

  release(held: Held): void {
    const name = nameOf(keyOf(held.work.assignment));
    if (this.#held.get(name) === held) this.#held.delete(name);
  }

  /** Stops playing these: their leases are gone. */
  lose(lost: readonly AssignmentKey[]): void {
    for (const key of lost) {
      const held = this.#held.get(nameOf(key));
      if (held === undefined) continue;
      held.lost = true;
      held.controller.abort(
        new LachesisError('cancelled', `The lease of assignment ${key.assignmentId} is gone.`, {
          reason: 'LEASE_LOST',
        }),
      );
    }
  }

  /** Cancels all that is still played. */
  cancelAll(reason: unknown): void {
    for (const { controller } of this.#held.values()) controller.abort(reason);
  }
}

export function keyOf({ runId, id }: Pick<Assignment, 'runId' | 'id'>): AssignmentKey {
  return { runId, assignmentId: id };
}

/** A run's id holds no space. */
function nameOf({ runId, assignmentId }: AssignmentKey): string {
  return `${runId} ${assignmentId}`;
}
