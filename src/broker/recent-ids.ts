/** The latest so many ids. */
export class RecentIds {
  readonly #max: number;
  readonly #ids = new Set<string>();

  constructor(max: number) {
    this.#max = max;
  }

  /** Returns the one that is forgotten for it. */
  add(id: string): string | undefined {
    this.#ids.add(id);
    if (this.#ids.size <= this.#max) return undefined;
    // A set keeps the order of adding.
    const [oldest] = this.#ids;
    this.#ids.delete(oldest!);
    return oldest;
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }
}
