import type { BatchSize, EnvironmentShare } from '../../../../src/broker/broker.ts';
import { isReachable } from '../../../../src/broker/subset-sum.ts';
import {
  isBefore,
  unitsOf,
  type WaitingGroup,
  type WaitingGroups,
} from '../../../../src/broker/waiting-groups.ts';
import { type Deficits, ShareTurns, type Turn } from './share-turns.ts';

export interface SharedBatch {
  readonly groups: readonly WaitingGroup[];
  readonly deficits: Deficits;
}

/**
 * The next batch of a run whose environments have shares, or undefined while the groups do not fill one.
 *
 * Which wins, in this order: the exact size (some set of waiting groups has it: then there is a batch),
 * the minimum shares in whole groups, the weights, and within an environment the oldest policy version,
 * then who came first. So a group whose turn it is stands aside when no set with it and what is taken
 * already is exact, and with it all others of its size, as in `selectExactRows`; its environment is
 * owed that, up to a batch, and is first when its size can be had again.
 *
 * A set that gives nobody more than its due and a group comes before one that does.
 *
 * Looks at no more groups of an environment and size than a batch could hold.
 */
export function selectShared(
  size: BatchSize,
  target: number,
  waiting: WaitingGroups,
  shares: ReadonlyMap<string, EnvironmentShare>,
  deficits: Deficits,
): SharedBatch | undefined {
  if (waiting[size.kind] < target) return undefined;
  const lanes = [...waiting.lanes()].map(({ name, groups }) => laneOf(waiting, name, groups));
  const names = lanes.map(({ name }) => name);
  const play = new Play(size.kind, lanes, ShareTurns.begin(shares, target, deficits, names));
  if (size.kind === 'tokens') {
    play.run(target);
    return { groups: play.taken, deficits: play.turns.deficits };
  }
  const all = new Map(size.kind === 'rows' ? waiting.sizes() : [[1, waiting.groups]]);
  if (!isReachable(all, target)) return undefined;
  const fair = size.kind === 'rows' ? fairSizes(waiting, lanes, play.turns) : new Map(all);
  const exact = new ExactPlay(size.kind, play, [all, fair], target);
  exact.fill(all, true);
  exact.fill(isReachable(fair, exact.missing) ? fair : all, false);
  return { groups: exact.chosen, deficits: exact.deficits };
}

/** Fills a batch to the exact size, passing over what can't be completed to it. */
class ExactPlay {
  readonly chosen: WaitingGroup[] = [];
  missing: number;
  readonly #unit: BatchSize['kind'];
  readonly #stocks: readonly Map<number, number>[];
  #play: Play;

  /** `stocks` are kept up to date as groups are taken: how many of each size are left. */
  constructor(
    unit: BatchSize['kind'],
    play: Play,
    stocks: readonly Map<number, number>[],
    target: number,
  ) {
    this.#unit = unit;
    this.#play = play;
    this.#stocks = stocks;
    this.missing = target;
  }

  get deficits(): Deficits {
    return this.#play.turns.deficits;
  }

  /** Takes in turn what `stock` can complete; the minimums alone, or all. */
  fill(stock: ReadonlyMap<number, number>, onlyMinimums: boolean): void {
    while (this.missing > 0) {
      const ahead = this.#play.copy();
      const passedOver = ahead.run(this.missing, onlyMinimums);
      const sizes = ahead.taken.map((group) => unitsOf(this.#unit, group));
      const kept = longestCompletable(sizes, stock, this.missing);
      this.chosen.push(...ahead.taken.slice(0, kept));
      if (kept === sizes.length) this.#play = ahead;
      else this.#play.take(kept);
      this.#play.taken = [];
      for (const units of sizes.slice(0, kept)) {
        this.missing -= units;
        for (const each of this.#stocks) each.set(units, Math.max(0, (each.get(units) ?? 0) - 1));
      }
      const aside = sizes[kept] ?? passedOver;
      if (aside === undefined) return;
      this.#play.setAside(aside);
      for (const each of this.#stocks) each.delete(aside);
    }
  }
}

/**
 * How many groups of each size may be taken so that no environment gives more than it is due and one group:
 * one small group, taken because it is its turn, could else be completed only by many others like it.
 */
function fairSizes(
  waiting: WaitingGroups,
  lanes: readonly LaneFeed[],
  turns: ShareTurns,
): Map<number, number> {
  const counts = new Map<number, number>();
  lanes.forEach(({ name }, lane) => {
    const due = turns.dueOf(lane);
    for (const [size, groups] of waiting.sizesIn(name)) {
      const most = Math.min(groups, Math.max(0, Math.floor(due / size) + 1));
      counts.set(size, (counts.get(size) ?? 0) + most);
    }
  });
  return counts;
}

/**
 * The most pieces from the front of `sizes` that the rest of `counts` can complete to `missing`. What
 * completes a longer front completes a shorter one, so halving finds it.
 */
function longestCompletable(
  sizes: readonly number[],
  counts: ReadonlyMap<number, number>,
  missing: number,
): number {
  let known = 0;
  let above = sizes.length + 1;
  while (above - known > 1) {
    const middle = (known + above) >> 1;
    const rest = new Map(counts);
    let left = missing;
    let isThere = true;
    for (const units of sizes.slice(0, middle)) {
      const count = rest.get(units) ?? 0;
      isThere &&= count > 0;
      rest.set(units, count - 1);
      left -= units;
    }
    if (isThere && left >= 0 && isReachable(rest, left)) known = middle;
    else above = middle;
  }
  return known;
}

/** A lane's queues, each read from its front as far as anybody asked. */
interface LaneFeed {
  readonly name: string;
  readonly groups: number;
  readonly queues: readonly {
    readonly size: number;
    at(index: number): WaitingGroup | undefined;
  }[];
}

function laneOf(waiting: WaitingGroups, name: string, groups: number): LaneFeed {
  const queues = [...waiting.sizesIn(name)].map(([size]) => {
    const queue = waiting.ofSize(size, name);
    const read: WaitingGroup[] = [];
    const at = (index: number): WaitingGroup | undefined => {
      if (index >= read.length) {
        const next = queue.next();
        if (next.done !== true) read.push(next.value);
      }
      return read[index];
    };
    return { size, at };
  });
  return { name, groups, queues };
}

/** The group that a lane gives next, and the queue of the lane that it is in. */
interface Head extends Turn {
  readonly queue: number;
  readonly group: WaitingGroup;
}

/** How far a batch is. */
class Play {
  readonly #unit: BatchSize['kind'];
  readonly #lanes: readonly LaneFeed[];
  readonly turns: ShareTurns;
  /** How many were taken, by lane and by its queue. */
  readonly #cursors: number[][];
  readonly #heads: (Head | undefined)[];
  readonly #aside: Set<number>;
  taken: WaitingGroup[] = [];

  constructor(
    unit: BatchSize['kind'],
    lanes: readonly LaneFeed[],
    turns: ShareTurns,
    cursors = lanes.map(({ queues }) => queues.map(() => 0)),
    aside: ReadonlySet<number> = new Set(),
  ) {
    this.#unit = unit;
    this.#lanes = lanes;
    this.turns = turns;
    this.#cursors = cursors;
    this.#aside = new Set(aside);
    this.#heads = lanes.map((_, lane) => this.#headOf(lane));
  }

  copy(): Play {
    const cursors = this.#cursors.map((each) => [...each]);
    return new Play(this.#unit, this.#lanes, this.turns.copy(), cursors, this.#aside);
  }

  /**
   * Takes in turn while what is next fits, and is of a minimum where only these are wanted; returns the
   * units of one that does not fit.
   */
  run(most: number, onlyMinimums = false): number | undefined {
    for (let left = most; left > 0; ) {
      const lane = this.turns.next(this.#heads);
      const head = lane === undefined ? undefined : this.#heads[lane];
      if (lane === undefined || head === undefined) return undefined;
      if (onlyMinimums && !this.turns.isOfMinimum(lane, head)) return undefined;
      if (head.units > left) return head.units;
      this.#take(lane, head);
      left -= head.units;
    }
    return undefined;
  }

  /** The next so many. */
  take(groups: number): void {
    for (let taken = 0; taken < groups; taken += 1) {
      const lane = this.turns.next(this.#heads)!;
      this.#take(lane, this.#heads[lane]!);
    }
  }

  /** No group of this size is taken any more. */
  setAside(units: number): void {
    this.#aside.add(units);
    this.#lanes.forEach((_, lane) => {
      if (this.#heads[lane]?.units === units) this.#heads[lane] = this.#headOf(lane);
    });
  }

  #headOf(lane: number): Head | undefined {
    let first: Head | undefined;
    this.#lanes[lane]!.queues.forEach((feed, queue) => {
      const group = this.#aside.has(feed.size) ? undefined : feed.at(this.#cursors[lane]![queue]!);
      if (group === undefined || (first !== undefined && isBefore(first.group, group))) return;
      first = { queue, group, units: unitsOf(this.#unit, group), position: group.position };
    });
    return first;
  }

  #take(lane: number, { queue, group, units }: Head): void {
    const cursors = this.#cursors[lane]!;
    cursors[queue]! += 1;
    this.turns.give(lane, units);
    this.taken.push(group);
    this.#heads[lane] = this.#headOf(lane);
    const taken = cursors.reduce((sum, count) => sum + count, 0);
    if (taken >= this.#lanes[lane]!.groups) this.turns.leave(lane);
  }
}
