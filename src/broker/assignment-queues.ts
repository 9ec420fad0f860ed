import type { StoredAssignment } from './assignment-event.ts';
import { OrderedQueue, type QueueSeat } from './ordered-queue.ts';

/** What waits in {@link AssignmentQueues}. */
export interface Queued {
  readonly assignment: StoredAssignment;
  /** In the order of being enqueued. */
  readonly ordinal: number;
}

export interface Seat<T> {
  readonly queue: OrderedQueue<T>;
  readonly seat: QueueSeat<T>;
}

/**
 * Assignments that wait for a worker: a queue for each environment and run, so that a run without room
 * is passed over whole. Costs grow with runs, never with what waits.
 */
export class AssignmentQueues<T extends Queued> {
  readonly #byEnvironment = new Map<string, Map<string, OrderedQueue<T>>>();

  push(value: T): Seat<T> {
    const queue = this.#queueOf(value.assignment);
    return { queue, seat: queue.push(-value.assignment.priority, value) };
  }

  /** Before those of its priority. */
  unshift(value: T): Seat<T> {
    const queue = this.#queueOf(value.assignment);
    return { queue, seat: queue.unshift(-value.assignment.priority, value) };
  }

  remove({ assignment: { environment, runId } }: T, { queue, seat }: Seat<T>): void {
    queue.remove(seat);
    if (queue.size > 0) return;
    const byRun = this.#byEnvironment.get(environment);
    byRun?.delete(runId);
    if (byRun?.size === 0) this.#byEnvironment.delete(environment);
  }

  /** Of the runs with room: highest priority first, then longest waiting. */
  first(environment: string, hasRoom: (runId: string) => boolean): T | undefined {
    let best: T | undefined;
    for (const [runId, queue] of this.#byEnvironment.get(environment) ?? []) {
      const first = queue.first;
      if (first !== undefined && isBefore(first, best) && hasRoom(runId)) best = first;
    }
    return best;
  }

  #queueOf({ environment, runId }: StoredAssignment): OrderedQueue<T> {
    let byRun = this.#byEnvironment.get(environment);
    if (byRun === undefined) {
      byRun = new Map();
      this.#byEnvironment.set(environment, byRun);
    }
    let queue = byRun.get(runId);
    if (queue === undefined) {
      queue = new OrderedQueue();
      byRun.set(runId, queue);
    }
    return queue;
  }
}

function isBefore(one: Queued, other: Queued | undefined): boolean {
  if (other === undefined) return true;
  const lead = one.assignment.priority - other.assignment.priority;
  return lead > 0 || (lead === 0 && one.ordinal < other.ordinal);
}
