import type { EnvironmentShare } from '../../../../src/broker/broker.ts';

/** What each environment is behind its share, in what batches count; below 0 for ahead. None is 0. */
export type Deficits = Readonly<Record<string, number>>;

/** The group that an environment would give next. */
export interface Turn {
  readonly units: number;
  /** Who came first goes first, all else being equal. */
  readonly position: number;
}

/** Below this, a difference is rounding noise. */
const NOISE = 1e-9;

/** An environment, by its place among those of a batch. */
interface Party {
  readonly name: string;
  /** Units of its minimum. */
  readonly least: number;
  /** It has groups. Who has none takes part until it has paid back what it is ahead. */
  isPresent: boolean;
  /** Its part of the whole; 0 for one that takes no part. */
  rate: number;
  /** The time up to which it has had its share: before now, it is behind. */
  start: number;
  /** What it gave to this batch. */
  given: number;
}

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
 * Kept as times, in which the whole gives one unit in one: giving moves all on without touching them.
 */
export class ShareTurns {
  readonly #shares: ReadonlyMap<string, EnvironmentShare>;
  /** Units of a batch. */
  readonly #target: number;
  readonly #parties: readonly Party[];
  #now = 0;

  private constructor(
    shares: ReadonlyMap<string, EnvironmentShare>,
    target: number,
    parties: readonly Party[],
  ) {
    this.#shares = shares;
    this.#target = target;
    this.#parties = parties;
  }

  /** The turns of one batch, of those that have groups; from then on they go by their places in `names`. */
  static begin(
    shares: ReadonlyMap<string, EnvironmentShare>,
    target: number,
    deficits: Deficits,
    names: readonly string[],
  ): ShareTurns {
    const present = new Set(names);
    const absent = Object.keys(deficits).filter((name) => !present.has(name));
    const parties = [...names, ...absent].map((name) => ({
      name,
      least: (shares.get(name)?.minShare ?? 0) * target,
      isPresent: present.has(name),
      ...{ rate: 0, start: 0, given: 0 },
    }));
    const turns = new ShareTurns(shares, target, parties);
    // An environment may be called as what every object has.
    turns.#share(
      parties.map(({ name }) => (Object.hasOwn(deficits, name) ? (deficits[name] ?? 0) : 0)),
    );
    return turns;
  }

  copy(): ShareTurns {
    const parties = this.#parties.map((party) => ({ ...party }));
    const copy = new ShareTurns(this.#shares, this.#target, parties);
    copy.#now = this.#now;
    return copy;
  }

  get deficits(): Deficits {
    const deficits: Record<string, number> = Object.create(null);
    for (const party of this.#parties) {
      const deficit = this.#deficitOf(party);
      const bounded = Math.max(-this.#target, Math.min(this.#target, deficit));
      if (Math.abs(bounded) > NOISE) deficits[party.name] = bounded;
    }
    return deficits;
  }

  /** What it should give to a whole batch; below 0 for one that is ahead by more. */
  dueOf(place: number): number {
    const party = this.#parties[place]!;
    const due = this.#deficitOf(party) + party.rate * this.#target;
    return party.least > 0 ? Math.max(party.least, due) : due;
  }

  /** The place of who is next, of those that have a turn; undefined when nobody has. */
  next(turns: readonly (Turn | undefined)[]): number | undefined {
    const inMinimum = this.#firstToEarn(turns, (turn, place) => this.isOfMinimum(place, turn));
    if (inMinimum !== undefined) return inMinimum;
    const behind = this.#firstToEarn(turns, (_, place) => this.#isBehind(place));
    if (behind !== undefined) return behind;
    let first: number | undefined;
    let others = 0;
    turns.forEach((turn, place) => {
      if (turn === undefined) return;
      others += 1;
      if (first === undefined || this.#parties[place]!.start < this.#parties[first]!.start) {
        first = place;
      }
    });
    if (first === undefined || others === 1) return first;
    // All are ahead: time passes until one is not.
    this.#now = this.#parties[first]!.start;
    this.#forgetPaid();
    return this.#firstToEarn(turns, (_, place) => this.#isBehind(place)) ?? first;
  }

  /** Whether it is still within the minimum of its environment. */
  isOfMinimum(place: number, { units }: Turn): boolean {
    const { given, least } = this.#parties[place]!;
    return least > 0 && given + units <= least + NOISE;
  }

  give(place: number, units: number): void {
    const party = this.#parties[place]!;
    party.start += units / party.rate;
    party.given += units;
    this.#now += units;
    this.#forgetPaid();
  }

  /** It has no more groups, of any size. */
  leave(place: number): void {
    this.#parties[place]!.isPresent = false;
    this.#share(this.#parties.map((party) => this.#deficitOf(party)));
  }

  #firstToEarn(
    turns: readonly (Turn | undefined)[],
    may: (turn: Turn, place: number) => boolean,
  ): number | undefined {
    let first: number | undefined;
    let firstAt = Infinity;
    for (let place = 0; place < turns.length; place += 1) {
      const turn = turns[place];
      if (turn === undefined || !may(turn, place)) continue;
      const { start, rate } = this.#parties[place]!;
      const at = start + turn.units / rate;
      const isTie = first !== undefined && Math.abs(at - firstAt) <= NOISE * Math.max(1, at);
      if (isTie ? turn.position > turns[first!]!.position : at > firstAt) continue;
      first = place;
      firstAt = at;
    }
    return first;
  }

  #isBehind(place: number): boolean {
    return this.#deficitOf(this.#parties[place]!) >= -NOISE;
  }

  #deficitOf({ rate, start }: Party): number {
    return rate * (this.#now - start);
  }

  /** Who had nothing to give and has paid back takes no part any more. */
  #forgetPaid(): void {
    const isPaid = ({ isPresent, rate, start }: Party): boolean =>
      !isPresent && rate > 0 && start <= this.#now;
    if (!this.#parties.some(isPaid)) return;
    this.#share(this.#parties.map((party) => this.#deficitOf(party)));
  }

  /** Shares the whole anew among those that take part, who are behind or ahead by so much. */
  #share(deficits: readonly number[]): void {
    const isIn = ({ isPresent }: Party, place: number): boolean =>
      isPresent || deficits[place]! < -NOISE;
    const names = this.#parties.filter(isIn).map(({ name }) => name);
    const rates = ratesOf(names, this.#shares);
    this.#parties.forEach((party, place) => {
      party.rate = isIn(party, place) ? rates.get(party.name)! : 0;
      party.start = party.rate > 0 ? this.#now - deficits[place]! / party.rate : this.#now;
    });
  }
}

/** Parts of the whole by weight, none below its minimum share: what that takes is off the others' parts. */
export function ratesOf(
  names: readonly string[],
  shares: ReadonlyMap<string, EnvironmentShare>,
): ReadonlyMap<string, number> {
  const weightOf = (name: string): number => shares.get(name)?.weight ?? 1;
  const minOf = (name: string): number => shares.get(name)?.minShare ?? 0;
  const lifted = new Set<string>();
  for (;;) {
    const rest = names.filter((name) => !lifted.has(name));
    const left = 1 - [...lifted].reduce((sum, name) => sum + minOf(name), 0);
    const weights = rest.reduce((sum, name) => sum + weightOf(name), 0);
    const partOf = (name: string): number => Math.max(NOISE, (left * weightOf(name)) / weights);
    const short = rest.filter((name) => partOf(name) < minOf(name));
    if (short.length === 0) {
      return new Map(names.map((name) => [name, lifted.has(name) ? minOf(name) : partOf(name)]));
    }
    for (const name of short) lifted.add(name);
  }
}
