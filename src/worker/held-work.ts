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

  get ids(): readonly string[] {
    return [...this.#held.keys()];
  }

  /** The shortest lease held, which says how often to keep them; undefined when none is. */
  get shortestLeaseMs(): number | undefined {
    const leases = [...this.#held.values()].map(({ work }) => work.leaseMs);
    return leases.length === 0 ? undefined : Math.min(...leases);
  }

  /** Undefined when it is held already: a second lease of one id is the first one, renewed. */
  take(work: LeasedWork): Held | undefined {
    if (this.#held.has(work.assignment.id)) return undefined;
    const held: Held = { work, controller: new AbortController(), lost: false };
    this.#held.set(work.assignment.id, held);
    return held;
  }

  release(held: Held): void {
    const { id } = held.work.assignment;
    if (this.#held.get(id) === held) this.#held.delete(id);
  }

  /** Stops playing these: their leases are gone. */
  lose(ids: readonly string[]): void {
    for (const id of ids) {
      const held = this.#held.get(id);
      if (held === undefined) continue;
      held.lost = true;
      held.controller.abort(
        new LachesisError('cancelled', `The lease of assignment ${id} is gone.`, {
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
