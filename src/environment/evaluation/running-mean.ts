const SCALE = 2 ** 60;

/** A mean of numbers as they come; it is one even where their sum is no number any more. */
export class RunningMean {
  count = 0;
  #sum = 0;
  #scaled = 0;

  add(value: number): void {
    this.count += 1;
    this.#sum += value;
    this.#scaled += value / SCALE;
  }

  /** NaN of none. */
  get mean(): number {
    return Number.isFinite(this.#sum)
      ? this.#sum / this.count
      : (this.#scaled / this.count) * SCALE;
  }
}
