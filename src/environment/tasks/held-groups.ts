/** What is read whole and used in any order, kept as long as it fits: the longest unused goes first. */
export class HeldGroups<Group> {
  readonly #read: (group: number) => Promise<Group>;
  readonly #bytesOf: (group: number) => number;
  readonly #maxBytes: number;
  /** In the order of their last use. */
  readonly #held = new Map<number, Promise<Group>>();
  #bytes = 0;

  constructor(options: {
    readonly read: (group: number) => Promise<Group>;
    readonly bytesOf: (group: number) => number;
    readonly maxBytes: number;
  }) {
    this.#read = options.read;
    this.#bytesOf = options.bytesOf;
    this.#maxBytes = options.maxBytes;
  }

  /** The group, read at most once while it is held; a failed reading is not kept. */
  get(group: number): Promise<Group> {
    const held = this.#held.get(group);
    if (held !== undefined) {
      this.#held.delete(group);
      this.#held.set(group, held);
      return held;
    }
    const reading = this.#read(group);
    this.#held.set(group, reading);
    this.#bytes += this.#bytesOf(group);
    reading.catch(() => {
      if (this.#held.get(group) === reading) this.#drop(group);
    });
    for (const other of this.#held.keys()) {
      // The newest is kept whatever its size, or nothing could be read.
      if (this.#bytes <= this.#maxBytes || other === group) break;
      this.#drop(other);
    }
    return reading;
  }

  #drop(group: number): void {
    this.#held.delete(group);
    this.#bytes -= this.#bytesOf(group);
  }
}
