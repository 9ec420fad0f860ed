import { statfsSync } from 'node:fs';

/** How long what the disk said counts: a busy one may take tens of milliseconds to say it. */
const FRESH_MS = 100;

/** Free bytes of the disk under a folder; undefined where it can't be told. */
export class DiskRoom {
  readonly #folder: string;
  #askedMs = -Infinity;
  #free: number | undefined;
  #appendedBytes = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  now(): number | undefined {
    try {
      const { bavail, bsize } = statfsSync(this.#folder);
      return bavail * bsize;
    } catch {
      return undefined;
    }
  }

  /** As it was a moment ago, less what was appended since; `appendedBytes` is the sum so far. */
  lately(appendedBytes: number): number | undefined {
    if (performance.now() - this.#askedMs > FRESH_MS) {
      this.#free = this.now();
      this.#askedMs = performance.now();
      this.#appendedBytes = appendedBytes;
    }
    return this.#free && this.#free - (appendedBytes - this.#appendedBytes);
  }
}
