import type { BatchSize, EnvironmentShare } from './broker.ts';
import { type Deficits, ShareTurns } from './share-turns.ts';
import { isReachable, longestCompletable } from './subset-sum.ts';
import { isBefore, unitsOf, type WaitingGroup, type WaitingGroups } from './waiting-groups.ts';

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
interface Head {
  readonly queue: number;
  readonly group: WaitingGroup;
  readonly units: number;
}

/** How far a batch is. */
class Play {
  readonly #unit: BatchSize['kind'];
  readonly #lanes: readonly LaneFeed[];
  readonly turns: ShareTurns;
  /** How many were taken, by lane and by its queue. */
  readonly #cursors: readonly number[][];
  /** How many were taken, by lane. */
  readonly #counts: number[];
  readonly #heads: (Head | undefined)[] = [];
  readonly #aside: Set<number>;
  taken: WaitingGroup[] = [];

  constructor(unit: BatchSize['kind'], lanes: readonly LaneFeed[], turns: ShareTurns, from?: Play) {
    this.#unit = unit;
    this.#lanes = lanes;
    this.turns = turns;
    this.#cursors =
      from === undefined
        ? lanes.map(({ queues }) => queues.map(() => 0))
        : from.#cursors.map((each) => [...each]);
    this.#counts = from === undefined ? lanes.map(() => 0) : [...from.#counts];
    this.#aside = new Set(from === undefined ? [] : from.#aside);
    for (const lane of lanes.keys()) this.#lookAt(lane);
  }

  copy(): Play {
    return new Play(this.#unit, this.#lanes, this.turns.copy(), this);
  }

  /**
   * Takes in turn while what is next fits, and is of a minimum where only these are wanted; returns the
   * units of one that does not fit.
   */
  run(most: number, onlyMinimums = false): number | undefined {
    for (let left = most; left > 0; ) {
      const lane = this.turns.next();
      const head = lane === undefined ? undefined : this.#heads[lane];
      if (lane === undefined || head === undefined) return undefined;
      if (onlyMinimums && !this.turns.isOfMinimum(lane)) return undefined;
      if (head.units > left) return head.units;
      this.#take(lane, head);
      left -= head.units;
    }
    return undefined;
  }

  /** The next so many. */
  take(groups: number): void {
    for (let taken = 0; taken < groups; taken += 1) {
      const lane = this.turns.next()!;
      this.#take(lane, this.#heads[lane]!);
    }
  }

  /** No group of this size is taken any more. */
  setAside(units: number): void {
    this.#aside.add(units);
    for (const lane of this.#lanes.keys()) {
      if (this.#heads[lane]?.units === units) this.#lookAt(lane);
    }
  }

  /** Finds what a lane gives next, and offers it. */
  #lookAt(lane: number): void {
    const head = this.#headOf(lane);
    this.#heads[lane] = head;
    this.turns.offer(lane, head && { units: head.units, position: head.group.position });
  }

  #headOf(lane: number): Head | undefined {
    const { queues } = this.#lanes[lane]!;
    const cursors = this.#cursors[lane]!;
    const aside = this.#aside.size > 0 ? this.#aside : undefined;
    let first: WaitingGroup | undefined;
    let from = 0;
    for (let queue = 0; queue < queues.length; queue += 1) {
      const feed = queues[queue]!;
      if (aside?.has(feed.size)) continue;
      const group = feed.at(cursors[queue]!);
      if (group === undefined || (first !== undefined && isBefore(first, group))) continue;
      first = group;
      from = queue;
    }
    return first && { queue: from, group: first, units: unitsOf(this.#unit, first) };
  }

  #take(lane: number, { queue, group }: Head): void {
    this.#cursors[lane]![queue]! += 1;
    this.#counts[lane]! += 1;
    this.turns.give(lane);
    this.taken.push(group);
    this.#lookAt(lane);
    if (this.#counts[lane]! >= this.#lanes[lane]!.groups) this.turns.leave(lane);
  }
}
