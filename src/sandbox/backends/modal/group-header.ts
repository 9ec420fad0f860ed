const NEWLINE = 10;
/** Longer than any process number; a first line that is longer is none of ours. */
const MAX_BYTES = 12;
const NONE = new Uint8Array(0);

/** Takes the group's number off the beginning of a command's standard error. */
export class GroupHeader {
  /** Undefined when the stream ended without one. */
  readonly group: Promise<string | undefined>;
  #resolve!: (group: string | undefined) => void;
  #seen: Uint8Array | undefined = NONE;

  constructor() {
    this.group = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  get isDone(): boolean {
    return this.#seen === undefined;
  }

  /** What of the bytes is the command's own. */
  take(bytes: Uint8Array): Uint8Array {
    if (this.#seen === undefined) return bytes;
    const all = Buffer.concat([this.#seen, bytes]);
    const end = all.indexOf(NEWLINE);
    const line = all.subarray(0, Math.max(0, end)).toString('latin1');
    if (end >= 0 && /^\d+$/.test(line)) {
      this.#settle(line);
      return all.subarray(end + 1);
    }
    if (end < 0 && all.length < MAX_BYTES) {
      this.#seen = all;
      return NONE;
    }
    // Not our line: the command could not be started, and this says why.
    this.#settle(undefined);
    return all;
  }

  /** The stream ended; what was held back is the command's own. */
  end(): Uint8Array {
    const held = this.#seen ?? NONE;
    this.#settle(undefined);
    return held;
  }

  #settle(group: string | undefined): void {
    this.#seen = undefined;
    this.#resolve(group);
  }
}
