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

/** A group as it waits. */
export function waitingGroup(
  group: StoredGroup,
  seat: Pick<WaitingGroup, 'position' | 'version' | 'arrivedMs'>,
): WaitingGroup {
  return {
    ...seat,
    group,
    rows: group.rows.length,
    tokens: tokensOf(group),
    bytes: group.payload.byteLength,
  };
}

export function tokensOf({ rows }: Pick<StoredGroup, 'rows'>): number {
  return rows.reduce((tokens, row) => tokens + row.tokens, 0);
}

interface Seats {
  readonly lane: Lane;
  readonly queue: OrderedQueue<WaitingGroup>;
  readonly ordered: QueueSeat<WaitingGroup>;
  readonly arrival: LinkedNode<WaitingGroup>;
}

/** Who is told of every group that begins or ends to wait. */
export interface WaitingObserver {
  added(waiting: WaitingGroup): void;
  removed(waiting: WaitingGroup): void;
}

/** The groups that take turns with those of other lanes: an environment's, or all of them. */
interface Lane {
  readonly name: string;
  readonly bySize: Map<number, OrderedQueue<WaitingGroup>>;
  groups: number;
  /** In what batches count. */
  units: number;
}

/** The order in which groups are taken: oldest policy version first, then first submitted. */
export function isBefore(one: WaitingGroup, other: WaitingGroup): boolean {
  return one.version === other.version
    ? one.position < other.position
    : one.version < other.version;
}

/** What a group gives, in what batches count. */
export function unitsOf(unit: BatchSize['kind'], group: { rows: number; tokens: number }): number {
  return unit === 'groups' ? 1 : group[unit];
}

/**
 * The groups waiting for a batch, indexed so that no question walks over all of them: by lane, and by
 * rows when batches count rows (one queue per size), else in one queue; by arrival for the age of the
 * oldest.
 */
export class WaitingGroups {
  readonly #lanes = new Map<string, Lane>();
  readonly #arrivals = new LinkedList<WaitingGroup>();
  readonly #seats = new Map<number, Seats>();
  readonly #unit: BatchSize['kind'];
  readonly #visit: (groups: number) => void;
  readonly #observer: WaitingObserver | undefined;
  #laneOf: (group: StoredGroup) => string = () => '';
  #rows = 0;
  #tokens = 0;
  #bytes = 0;

  /** `visit` is told of every group that a cut looks at. Until `relane` all are in one lane, ''. */
  constructor(
    unit: BatchSize['kind'],
    visit: (groups: number) => void = () => {},
    observer?: WaitingObserver,
  ) {
    this.#unit = unit;
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

  /** The lanes that have groups, and how many. */
  *lanes(): Generator<Pick<Lane, 'name' | 'groups' | 'units'>, void, undefined> {
    yield* this.#lanes.values();
  }

  /** What waits in a lane, in what batches count. */
  unitsIn(lane: string): number {
    return this.#lanes.get(lane)?.units ?? 0;
  }

  add(waiting: WaitingGroup): void {
    const arrival = this.#arrivals.push(waiting);
    this.#added(waiting, { ...this.#enterLane(waiting), arrival });
  }

  /** It waits again, where it did before. */
  putBack(waiting: WaitingGroup): void {
    const arrival = this.#arrivals.insert(waiting, (one, other) => one.position < other.position);
    this.#added(waiting, { ...this.#enterLane(waiting, isBefore), arrival });
  }

  #added(waiting: WaitingGroup, seats: Seats): void {
    this.#seats.set(waiting.position, seats);
    this.#rows += waiting.rows;
    this.#tokens += waiting.tokens;
    this.#bytes += waiting.bytes;
    this.#observer?.added(waiting);
  }

  /** From now on groups are in these lanes, those that wait too. Costs what waits. */
  relane(laneOf: (group: StoredGroup) => string = () => ''): void {
    this.#laneOf = laneOf;
    this.#lanes.clear();
    for (const waiting of this.#arrivals) {
      const { arrival } = this.#seats.get(waiting.position)!;
      this.#seats.set(waiting.position, { ...this.#enterLane(waiting), arrival });
    }
  }

  #enterLane(waiting: WaitingGroup, before?: typeof isBefore): Omit<Seats, 'arrival'> {
    const name = this.#laneOf(waiting.group);
    let lane = this.#lanes.get(name);
    if (lane === undefined) {
      lane = { name, bySize: new Map(), groups: 0, units: 0 };
      this.#lanes.set(name, lane);
    }
    const size = this.#sizeOf(waiting);
    let queue = lane.bySize.get(size);
    if (queue === undefined) {
      queue = new OrderedQueue();
      lane.bySize.set(size, queue);
    }
    lane.groups += 1;
    lane.units += unitsOf(this.#unit, waiting);
    const { version } = waiting;
    const ordered =
      before === undefined ? queue.push(version, waiting) : queue.insert(version, waiting, before);
    return { lane, queue, ordered };
  }

  /** No-op when it does not wait. */
  remove(waiting: WaitingGroup): void {
    const seats = this.#seats.get(waiting.position);
    if (seats === undefined) return;
    const { lane, queue } = seats;
    this.#seats.delete(waiting.position);
    queue.remove(seats.ordered);
    this.#arrivals.remove(seats.arrival);
    if (queue.size === 0) lane.bySize.delete(this.#sizeOf(waiting));
    lane.groups -= 1;
    lane.units -= unitsOf(this.#unit, waiting);
    this.#rows -= waiting.rows;
    this.#tokens -= waiting.tokens;
    this.#bytes -= waiting.bytes;
    this.#observer?.removed(waiting);
    if (lane.groups === 0) this.#lanes.delete(lane.name);
  }

  /** How many groups wait of each size. */
  sizes(): ReadonlyMap<number, number> {
    const counts = new Map<number, number>();
    for (const { bySize } of this.#lanes.values()) {
      for (const [size, queue] of bySize) counts.set(size, (counts.get(size) ?? 0) + queue.size);
    }
    return counts;
  }

  /** The sizes of the groups of one lane, and how many there are. */
  *sizesIn(lane: string): Generator<readonly [size: number, groups: number], void, undefined> {
    for (const [size, queue] of this.#lanes.get(lane)?.bySize ?? []) yield [size, queue.size];
  }

  /** Those of one size, in order; of size 0 when batches do not count rows. */
  *ofSize(size: number, lane = ''): Generator<WaitingGroup, void, undefined> {
    const queue = this.#lanes.get(lane)?.bySize.get(size);
    if (queue === undefined) return;
    for (const waiting of queue) {
      this.#visit(1);
      yield waiting;
    }
  }

  /** Removes and returns those of a policy version under `floor`. Costs what it removes. */
  evictBelow(floor: number): readonly WaitingGroup[] {
    const evicted: WaitingGroup[] = [];
    const queues = [...this.#lanes.values()].flatMap(({ bySize }) => [...bySize.values()]);
    for (const queue of queues) {
      for (let head = queue.first; head !== undefined && head.version < floor; head = queue.first) {
        this.remove(head);
        evicted.push(head);
      }
    }
    return evicted;
  }

  #sizeOf({ rows }: WaitingGroup): number {
    return this.#unit === 'rows' ? rows : 0;
  }
}
