import type { EnvironmentShare } from './broker.ts';
import { NOISE, ratesOf, termsOf } from './share-rates.ts';

/** The group that an environment would give next. */
export interface Turn {
  readonly units: number;
  /** Who came first goes first, all else being equal. */
  readonly position: number;
}

type Column = Float64Array<ArrayBuffer>;

/** The environments of a batch, by place: columns of numbers, so that a look at all of them is short. */
export class Parties {
  readonly names: readonly string[];
  readonly weight: Column;
  readonly minShare: Column;
  /** Units of its minimum. */
  readonly least: Column;
  /** 1 while it has groups. Who has none takes part until it has paid back what it is ahead. */
  readonly isPresent: Uint8Array<ArrayBuffer>;
  /** Those that only pay back. */
  paying: number[] = [];
  /** Its part of the whole; 0 for one that takes no part. */
  readonly rate: Column;
  /** The time up to which it has had its share: before now, it is behind. */
  readonly start: Column;
  /** What it gave to this batch. */
  readonly given: Column;
  /** What it would give next; 0 for nothing. */
  readonly units: Column;
  /** Place in the queue of what it would give next. */
  readonly position: Column;
  /** When it will have earned that; Infinity for nothing. */
  readonly at: Column;
  /** 1 while what it would give next is within its minimum. */
  readonly isOfMinimum: Uint8Array<ArrayBuffer>;
  /** How many are. */
  ofMinimum = 0;

  /** All by name; the first `present` of them have groups. */
  constructor(
    names: readonly string[],
    present: number,
    shares: ReadonlyMap<string, EnvironmentShare>,
    target: number,
    from?: Parties,
  ) {
    const terms = from === undefined ? names.map((name) => termsOf(name, shares)) : [];
    this.names = names;
    this.weight = from?.weight ?? Float64Array.from(terms, ({ weight }) => weight);
    this.minShare = from?.minShare ?? Float64Array.from(terms, ({ minShare }) => minShare);
    this.least = from?.least ?? this.minShare.map((minShare) => minShare * target);
    const { length } = names;
    this.isPresent = from?.isPresent.slice() ?? new Uint8Array(length).fill(1, 0, present);
    this.rate = from?.rate.slice() ?? new Float64Array(length);
    this.start = from?.start.slice() ?? new Float64Array(length);
    this.given = from?.given.slice() ?? new Float64Array(length);
    this.units = from?.units.slice() ?? new Float64Array(length);
    this.position = from?.position.slice() ?? new Float64Array(length);
    this.at = from?.at.slice() ?? new Float64Array(length).fill(Infinity);
    this.isOfMinimum = from?.isOfMinimum.slice() ?? new Uint8Array(length);
    this.ofMinimum = from?.ofMinimum ?? 0;
    this.paying = from?.paying ?? [];
  }

  copy(): Parties {
    return new Parties(this.names, 0, new Map(), 0, this);
  }

  offer(place: number, turn: Turn | undefined): void {
    this.units[place] = turn?.units ?? 0;
    this.position[place] = turn?.position ?? 0;
    this.#retime(place);
    const least = this.least[place]!;
    const isOfMinimum =
      turn !== undefined && least > 0 && this.given[place]! + turn.units <= least + NOISE;
    this.ofMinimum += Number(isOfMinimum) - this.isOfMinimum[place]!;
    this.isOfMinimum[place] = Number(isOfMinimum);
  }

  /** It gives what it offered, and offers nothing until it is asked again; returns the units of it. */
  give(place: number): number {
    const units = this.units[place]!;
    this.start[place]! += units / this.rate[place]!;
    this.given[place]! += units;
    this.offer(place, undefined);
    return units;
  }

  /** Behind its share, in units; below 0 for ahead. */
  deficitOf(place: number, now: number): number {
    return this.rate[place]! * (now - this.start[place]!);
  }

  /** Shares the whole anew among those that take part, who stay as far behind or ahead as they are. */
  shareAnew(now: number): void {
    const deficits = new Float64Array(this.names.length);
    for (let place = 0; place < deficits.length; place += 1) {
      deficits[place] = this.deficitOf(place, now);
    }
    this.share(deficits, now);
  }

  /** Shares the whole among those that take part, who are behind or ahead by so much now. */
  share(deficits: ArrayLike<number>, now: number): void {
    const { isPresent, rate, start, at } = this;
    const isIn = new Uint8Array(at.length);
    this.paying = [];
    for (let place = 0; place < at.length; place += 1) {
      const isPaying = isPresent[place] === 0 && deficits[place]! < -NOISE;
      if (isPaying) this.paying.push(place);
      isIn[place] = Number(isPaying || isPresent[place] === 1);
    }
    rate.set(ratesOf(this.weight, this.minShare, isIn));
    for (let place = 0; place < at.length; place += 1) {
      start[place] = isIn[place] === 1 ? now - deficits[place]! / rate[place]! : now;
      this.#retime(place);
    }
  }

  #retime(place: number): void {
    const units = this.units[place]!;
    this.at[place] = units === 0 ? Infinity : this.start[place]! + units / this.rate[place]!;
  }
}
