import { OrderedQueue, type QueueSeat } from './ordered-queue.ts';

/** What a queue orders by. */
export interface Queueable {
  readonly assignment: {
    readonly runId: string;
    readonly environment: string;
    readonly priority: number;
  };
  /** In the order of being enqueued. */
  readonly ordinal: number;
}

/**
 * Who waits to be leased, by environment and run, so that a run that may begin nothing is passed over as
 * one and not assignment by assignment. Highest priority first, then longest waiting.
 */
export class AssignmentQueues<T extends Queueable> {
  readonly #byEnvironment = new Map<string, Map<string, OrderedQueue<T>>>();

  push(one: T): QueueSeat<T> {
    return this.#queueOf(one).push(-one.assignment.priority, one);
  }

  /** Before those of the same priority. */
  unshift(one: T): QueueSeat<T> {
    return this.#queueOf(one).unshift(-one.assignment.priority, one);
  }

  remove(one: T, seat: QueueSeat<T>): void {
    const { environment, runId } = one.assignment;
    const runs = this.#byEnvironment.get(environment);
    const queue = runs?.get(runId);
    if (runs === undefined || queue?.remove(seat) !== true || queue.size > 0) return;
    runs.delete(runId);
    if (runs.size === 0) this.#byEnvironment.delete(environment);
  }

  /** Whoever waits for a run that is over; giving up a seat in its queue does nothing then. */
  removeRun(runId: string): void {
    for (const [environment, runs] of this.#byEnvironment) {
      if (runs.delete(runId) && runs.size === 0) this.#byEnvironment.delete(environment);
    }
  }

  /** The first of those that may be leased: each run is asked for its own first. */
  first(environment: string, mayLease: (one: T) => boolean): T | undefined {
    let first: T | undefined;
    for (const queue of this.#byEnvironment.get(environment)?.values() ?? []) {
      const head = queue.first;
      if (head === undefined || (first !== undefined && !isBefore(head, first))) continue;
      if (mayLease(head)) first = head;
    }
    return first;
  }

  #queueOf({ assignment: { environment, runId } }: T): OrderedQueue<T> {
    const runs = this.#byEnvironment.get(environment) ?? new Map<string, OrderedQueue<T>>();
    this.#byEnvironment.set(environment, runs);
    const queue = runs.get(runId) ?? new OrderedQueue<T>();
    runs.set(runId, queue);
    return queue;
  }
}

function isBefore(one: Queueable, other: Queueable): boolean {
  const [first, second] = [one.assignment.priority, other.assignment.priority];
  return first === second ? one.ordinal < other.ordinal : first > second;
}
