import type { EnvironmentShare } from './broker.ts';

/** What each environment is behind its share, in what batches count; below 0 for ahead. None is 0. */
export type Deficits = Readonly<Record<string, number>>;

/** An environment that has groups to give. */
export interface Turn {
  readonly name: string;
  /** Of the group that it would give next. */
  readonly units: number;
  /** Of that group: who came first goes first, all else being equal. */
  readonly position: number;
}

/** Below this, a difference is rounding noise. */
const NOISE = 1e-9;

/**
 * Whose turn it is: deficit round robin, carried over batches. What anybody gives is owed to all that have
 * groups, by their share of it, and is taken off the giver. Next is, of those that are not ahead, who
 * will first have earned its group (Bennett and Zhang, WF2Q, 1996): so nobody is ever further from its
 * share than one group, but for what the exact size of a batch forces on it, which is owed and made up
 * for; up to a batch's worth of it is.
 *
 * Who has nothing left to give loses what is owed to it, and pays back what it is ahead; a share is no
 * savings account. The minimum of a batch comes first, in whole groups, and no share is below its minimum.
 */
export class ShareTurns {
  readonly #shares: ReadonlyMap<string, EnvironmentShare>;
  /** Units of a batch. */
  readonly #target: number;
  readonly #deficits: Map<string, number>;
  /** What each gave to this batch. */
  readonly #given: Map<string, number>;
  /** Environments that have groups. */
  readonly #present: Set<string>;
  #rates: ReadonlyMap<string, number> | undefined;

  private constructor(fields: {
    readonly shares: ReadonlyMap<string, EnvironmentShare>;
    readonly target: number;
    readonly deficits: Map<string, number>;
    readonly given: Map<string, number>;
    readonly present: Set<string>;
  }) {
    this.#shares = fields.shares;
    this.#target = fields.target;
    this.#deficits = fields.deficits;
    this.#given = fields.given;
    this.#present = fields.present;
  }

  /** The turns of one batch. */
  static begin(
    shares: ReadonlyMap<string, EnvironmentShare>,
    target: number,
    deficits: Deficits,
    present: Iterable<string>,
  ): ShareTurns {
    const names = new Set(present);
    const known = new Map(Object.entries(deficits));
    for (const [name, deficit] of known) {
      if (deficit > 0 && !names.has(name)) known.delete(name);
    }
    return new ShareTurns({ shares, target, deficits: known, given: new Map(), present: names });
  }

  copy(): ShareTurns {
    return new ShareTurns({
      shares: this.#shares,
      target: this.#target,
      deficits: new Map(this.#deficits),
      given: new Map(this.#given),
      present: new Set(this.#present),
    });
  }

  get deficits(): Deficits {
    const deficits: Record<string, number> = {};
    for (const [name, deficit] of this.#deficits) {
      if (Math.abs(deficit) > NOISE) deficits[name] = deficit;
    }
    return deficits;
  }

  /** What it should give to a whole batch. */
  dueOf(name: string): number {
    return Math.max(this.#leastOf(name), this.#of(name) + this.#rateOf(name) * this.#target);
  }

  /** Undefined when nobody has a group to give. */
  next(turns: Iterable<Turn>): Turn | undefined {
    const all = [...turns];
    if (all.length < 2) return all[0];
    const inMinimum = all.filter((turn) => this.isOfMinimum(turn));
    if (inMinimum.length > 0) return this.#firstToEarn(inMinimum);
    const behind = all.filter(({ name }) => this.#of(name) >= -NOISE);
    if (behind.length > 0) return this.#firstToEarn(behind);
    // All are ahead: time passes until one is not, which is who is the least ahead by its share.
    const wait = Math.min(...all.map(({ name }) => -this.#of(name) / this.#rateOf(name)));
    this.#pass(wait);
    return this.#firstToEarn(all.filter(({ name }) => this.#of(name) >= -NOISE));
  }

  /** Whether it is still within the minimum of its environment. */
  isOfMinimum({ name, units }: Turn): boolean {
    return (this.#given.get(name) ?? 0) + units <= this.#leastOf(name) + NOISE;
  }

  give({ name, units }: Turn): void {
    let whole = 0;
    for (const rate of this.#ratesNow().values()) whole += rate;
    this.#pass(units / whole);
    this.#set(name, this.#of(name) - units);
    this.#given.set(name, (this.#given.get(name) ?? 0) + units);
  }

  /** It has no more groups, of any size. */
  leave(name: string): void {
    if (!this.#present.delete(name)) return;
    if (this.#of(name) > 0) this.#deficits.delete(name);
    this.#rates = undefined;
  }

  #leastOf(name: string): number {
    return (this.#shares.get(name)?.minShare ?? 0) * this.#target;
  }

  #firstToEarn(turns: readonly Turn[]): Turn {
    let first = turns[0]!;
    let firstAt = Infinity;
    for (const turn of turns) {
      const at = (turn.units - this.#of(turn.name)) / this.#rateOf(turn.name);
      const isTie = Math.abs(at - firstAt) <= NOISE;
      if (isTie ? turn.position > first.position : at > firstAt) continue;
      first = turn;
      firstAt = at;
    }
    return first;
  }

  #pass(time: number): void {
    for (const [name, rate] of this.#ratesNow()) {
      const deficit = this.#of(name) + rate * time;
      this.#set(name, this.#present.has(name) ? deficit : Math.min(0, deficit));
    }
  }

  #of(name: string): number {
    return this.#deficits.get(name) ?? 0;
  }

  #set(name: string, deficit: number): void {
    const bounded = Math.max(-this.#target, Math.min(this.#target, deficit));
    if (!this.#present.has(name) && bounded >= -NOISE) {
      this.#deficits.delete(name);
      this.#rates = undefined;
    } else this.#deficits.set(name, bounded);
  }

  #rateOf(name: string): number {
    return this.#ratesNow().get(name) ?? 1;
  }

  /** Who is ahead and has nothing to give still takes its part of the time, until it is paid back. */
  #ratesNow(): ReadonlyMap<string, number> {
    if (this.#rates === undefined) {
      const names = new Set(this.#present);
      for (const [name, deficit] of this.#deficits) if (deficit < -NOISE) names.add(name);
      this.#rates = ratesOf([...names], this.#shares);
    }
    return this.#rates;
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
