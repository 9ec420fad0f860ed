import type { BatchSize, StoredGroup } from './broker.ts';
import { LinkedList, type LinkedNode } from './linked-list.ts';
import { OrderedQueue, type QueueSeat } from './ordered-queue.ts';

/** A group that no batch has taken yet, with what packing and admission weigh. */
export interface WaitingGroup {
  readonly group: StoredGroup;
  /** Place in the run's submit order, from 1. */
  readonly position: number;
  /** Oldest policy version in it; the run's version at submit when nothing was sampled. */
  readonly version: number;
  readonly rows: number;
  readonly tokens: number;
  readonly bytes: number;
  readonly arrivedMs: number;
}

interface Seats {
  readonly queue: OrderedQueue<WaitingGroup>;
  readonly ordered: QueueSeat<WaitingGroup>;
  readonly arrival: LinkedNode<WaitingGroup>;
}

/** Who is told of every group that begins or ends to wait. */
export interface WaitingObserver {
  added(waiting: WaitingGroup): void;
  removed(waiting: WaitingGroup): void;
}

/** The order in which groups are taken: oldest policy version first, then first submitted. */
export function isBefore(one: WaitingGroup, other: WaitingGroup): boolean {
  return one.version === other.version
    ? one.position < other.position
    : one.version < other.version;
}

/**
 * The groups waiting for a batch, indexed so that no question walks over all of them: by rows when
 * batches count rows (one queue per size), else in one queue; by arrival for the age of the oldest.
 */
export class WaitingGroups {
  readonly #bySize = new Map<number, OrderedQueue<WaitingGroup>>();
  readonly #arrivals = new LinkedList<WaitingGroup>();
  readonly #seats = new Map<number, Seats>();
  readonly #sizeOf: (waiting: WaitingGroup) => number;
  readonly #visit: (groups: number) => void;
  readonly #observer: WaitingObserver | undefined;
  #rows = 0;
  #tokens = 0;
  #bytes = 0;

  /** `visit` is told of every group that a cut looks at. */
  constructor(
    unit: BatchSize['kind'],
    visit: (groups: number) => void = () => {},
    observer?: WaitingObserver,
  ) {
    this.#sizeOf = unit === 'rows' ? (waiting) => waiting.rows : () => 0;
    this.#visit = visit;
    this.#observer = observer;
  }

  get groups(): number {
    return this.#arrivals.size;
  }

  get rows(): number {
    return this.#rows;
  }

  get tokens(): number {
    return this.#tokens;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get oldestArrivalMs(): number | undefined {
    return this.#arrivals.first?.value.arrivedMs;
  }

  add(waiting: WaitingGroup): void {
    const size = this.#sizeOf(waiting);
    let queue = this.#bySize.get(size);
    if (queue === undefined) {
      queue = new OrderedQueue();
      this.#bySize.set(size, queue);
    }
    this.#seats.set(waiting.position, {
      queue,
      ordered: queue.push(waiting.version, waiting),
      arrival: this.#arrivals.push(waiting),
    });
    this.#rows += waiting.rows;
    this.#tokens += waiting.tokens;
    this.#bytes += waiting.bytes;
    this.#observer?.added(waiting);
  }

  /** No-op when it does not wait. */
  remove(waiting: WaitingGroup): void {
    const seats = this.#seats.get(waiting.position);
    if (seats === undefined) return;
    this.#seats.delete(waiting.position);
    seats.queue.remove(seats.ordered);
    this.#arrivals.remove(seats.arrival);
    if (seats.queue.size === 0) this.#bySize.delete(this.#sizeOf(waiting));
    this.#rows -= waiting.rows;
    this.#tokens -= waiting.tokens;
    this.#bytes -= waiting.bytes;
    this.#observer?.removed(waiting);
  }

  /** How many groups wait of each size. */
  *sizes(): Generator<readonly [size: number, groups: number], void, undefined> {
    for (const [size, queue] of this.#bySize) yield [size, queue.size];
  }

  /** Those of one size, in order; of size 0 when batches do not count rows. */
  *ofSize(size: number): Generator<WaitingGroup, void, undefined> {
    const queue = this.#bySize.get(size);
    if (queue === undefined) return;
    for (const waiting of queue) {
      this.#visit(1);
      yield waiting;
    }
  }

  /** Removes and returns those of a policy version under `floor`. Costs what it removes. */
  evictBelow(floor: number): readonly WaitingGroup[] {
    const evicted: WaitingGroup[] = [];
    for (const queue of [...this.#bySize.values()]) {
      for (let head = queue.first; head !== undefined && head.version < floor; head = queue.first) {
        this.remove(head);
        evicted.push(head);
      }
    }
    return evicted;
  }
}
