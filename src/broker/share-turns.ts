import type { EnvironmentShare } from './broker.ts';
import { Parties, type Turn } from './share-parties.ts';
import { NOISE } from './share-rates.ts';

/** What each environment is behind its share, in what batches count; below 0 for ahead. None is 0. */
export type Deficits = Readonly<Record<string, number>>;

/**
 * Whose turn it is: deficit round robin, carried over batches. What anybody gives is owed to all that have
 * groups, by their share of it, and is taken off the giver. Next is, of those that are not ahead, who
 * will first have earned its group (Bennett and Zhang, WF2Q, 1996): so nobody is ever further from its
 * share than one group, but for what the exact size of a batch forces on it, which is owed and made up
 * for; up to a batch's worth of it is.
 *
 * Who has nothing left to give loses what is owed to it, and pays back what it is ahead; a share is no
 * savings account. The minimum of a batch comes first, in whole groups, and no share is below its minimum.
 *
 * Kept as times, in which the whole gives one unit in one: giving moves all on without touching them. Who
 * is next is looked up in plain columns, a few nanoseconds for each environment.
 */
export class ShareTurns {
  /** Units of a batch. */
  readonly #target: number;
  readonly #parties: Parties;
  #now = 0;

  private constructor(target: number, parties: Parties) {
    this.#target = target;
    this.#parties = parties;
  }

  /**
   * The turns of one batch, of those that have groups; from then on they go by their places in `names`.
   * Each has a turn once it is offered one.
   */
  static begin(
    shares: ReadonlyMap<string, EnvironmentShare>,
    target: number,
    deficits: Deficits,
    names: readonly string[],
  ): ShareTurns {
    const present = new Set(names);
    const absent = Object.keys(deficits).filter((name) => !present.has(name));
    const parties = new Parties([...names, ...absent], names.length, shares, target);
    const turns = new ShareTurns(target, parties);
    // An environment may be called as what every object has.
    const owed = (name: string): number =>
      Object.hasOwn(deficits, name) ? (deficits[name] ?? 0) : 0;
    parties.share(parties.names.map(owed), turns.#now);
    return turns;
  }

  copy(): ShareTurns {
    const copy = new ShareTurns(this.#target, this.#parties.copy());
    copy.#now = this.#now;
    return copy;
  }

  get deficits(): Deficits {
    const deficits: Record<string, number> = Object.create(null);
    this.#parties.names.forEach((name, place) => {
      const deficit = this.#parties.deficitOf(place, this.#now);
      const bounded = Math.max(-this.#target, Math.min(this.#target, deficit));
      if (Math.abs(bounded) > NOISE) deficits[name] = bounded;
    });
    return deficits;
  }

  /** What it should give to a whole batch; below 0 for one that is ahead by more. */
  dueOf(place: number): number {
    const { rate, least } = this.#parties;
    const due = this.#parties.deficitOf(place, this.#now) + rate[place]! * this.#target;
    return least[place]! > 0 ? Math.max(least[place]!, due) : due;
  }

  /** The group that it would give next; undefined for none. */
  offer(place: number, turn: Turn | undefined): void {
    this.#parties.offer(place, turn);
  }

  /** The place of who is next, of those that have a turn; undefined when nobody has. */
  next(): number | undefined {
    const parties = this.#parties;
    const inMinimum = parties.ofMinimum > 0 ? this.#firstOfMinimum() : undefined;
    if (inMinimum !== undefined) return inMinimum;
    const behind = this.#firstBehind();
    if (behind !== undefined) return behind;
    const { at, start } = parties;
    let first: number | undefined;
    let others = 0;
    for (let place = 0; place < at.length; place += 1) {
      if (at[place] === Infinity) continue;
      others += 1;
      if (first === undefined || start[place]! < start[first]!) first = place;
    }
    if (first === undefined || others === 1) return first;
    // All are ahead: time passes until one is not.
    this.#now = start[first]!;
    this.#forgetPaid();
    return this.#firstBehind() ?? first;
  }

  /** Whether its turn is still within the minimum of its environment. */
  isOfMinimum(place: number): boolean {
    return this.#parties.isOfMinimum[place] === 1;
  }

  /** It gives the group that it offered. */
  give(place: number): void {
    const units = this.#parties.give(place);
    this.#now += units;
    this.#forgetPaid();
  }

  /** It has no more groups, of any size. */
  leave(place: number): void {
    this.#parties.isPresent[place] = 0;
    this.#parties.shareAnew(this.#now);
  }

  #firstOfMinimum(): number | undefined {
    const { at, isOfMinimum } = this.#parties;
    let first: number | undefined;
    for (let place = 0; place < at.length; place += 1) {
      if (isOfMinimum[place] === 1) first = this.#earlier(first, place);
    }
    return first;
  }

  /** Of those that are behind, who will first have earned its group. */
  #firstBehind(): number | undefined {
    const { at, rate, start } = this.#parties;
    const now = this.#now;
    let first: number | undefined;
    for (let place = 0; place < at.length; place += 1) {
      if (at[place] === Infinity || rate[place]! * (now - start[place]!) < -NOISE) continue;
      first = this.#earlier(first, place);
    }
    return first;
  }

  #earlier(first: number | undefined, place: number): number {
    if (first === undefined) return place;
    const { at, position } = this.#parties;
    const difference = at[place]! - at[first]!;
    const isTie = Math.abs(difference) <= NOISE * Math.max(1, at[place]!);
    return (isTie ? position[place]! > position[first]! : difference > 0) ? first : place;
  }

  /** Who had nothing to give and has paid back takes no part any more. */
  #forgetPaid(): void {
    const { paying, start } = this.#parties;
    if (paying.some((place) => start[place]! <= this.#now)) this.#parties.shareAnew(this.#now);
  }
}
