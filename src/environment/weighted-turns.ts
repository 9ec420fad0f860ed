import { seededRandom } from '../random.ts';

/**
 * Whose turn it is, by weights (stride scheduling; Waldspurger and Weihl 1995): after any number of
 * turns, what each has had differs from its share by less than the number of places. The n-th turn of
 * a place is due at (n + its phase) / weight.
 */
export class WeightedTurns {
  readonly #weights: readonly number[];
  readonly #phases: readonly number[];
  readonly #left: number[];
  readonly #taken: number[];

  /** Weights are above 0. `counts`: most turns of each place, undefined for any. `seed` changes who begins. */
  constructor(
    weights: readonly number[],
    options: { readonly counts?: readonly (number | undefined)[]; readonly seed?: number } = {},
  ) {
    const { counts = [], seed = 0 } = options;
    const random = seededRandom('mixture', seed);
    // Shares are all that counts; as they come, sums and quotients of weights could overflow.
    const heaviest = Math.max(...weights);
    this.#weights = weights.map((weight) => weight / heaviest);
    this.#phases = weights.map(() => random());
    this.#left = weights.map((_, place) => counts[place] ?? Number.POSITIVE_INFINITY);
    this.#taken = weights.map(() => 0);
  }

  /**
   * The place that is due; undefined when all have ended. One that is not `free` is passed over and keeps
   * its turn: it is due as soon as it is free again.
   */
  next(isFree: (place: number) => boolean = () => true): number | undefined {
    let due: number | undefined;
    let dueAt = Number.POSITIVE_INFINITY;
    for (let place = 0; place < this.#weights.length; place++) {
      if (this.#left[place] === 0 || !isFree(place)) continue;
      const at =
        ((this.#taken[place] as number) + (this.#phases[place] as number)) /
        (this.#weights[place] as number);
      if (due === undefined || at < dueAt) {
        due = place;
        dueAt = at;
      }
    }
    if (due !== undefined) {
      (this.#taken[due] as number) += 1;
      (this.#left[due] as number) -= 1;
    }
    return due;
  }

  /** Turns that a place has had. */
  taken(place: number): number {
    return this.#taken[place] as number;
  }

  /** A place has ended; its turns are the others' from now on. */
  end(place: number): void {
    this.#left[place] = 0;
  }
}
