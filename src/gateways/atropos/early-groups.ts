import type { ScoredData } from './scored-data.ts';

/**
 * Groups that were pushed before a trainer said what a batch is, in order. There is no run that could
 * store them, so they are as safe as this process is, and bounded.
 */
export class EarlyGroups {
  readonly #maxSequences: number;
  readonly #maxBytes: number;
  readonly #groups: { readonly data: ScoredData; readonly bytes: number }[] = [];
  #sequences = 0;
  #bytes = 0;
  #isLeaving = false;

  constructor(limits: { readonly maxEarlySequences: number; readonly maxEarlyBytes: number }) {
    this.#maxSequences = limits.maxEarlySequences;
    this.#maxBytes = limits.maxEarlyBytes;
  }

  get groups(): number {
    return this.#groups.length;
  }

  /** All of a body of so many bytes or, where there is no room for all, none: then false. */
  add(groups: readonly ScoredData[], bodyBytes: number): boolean {
    const sequences = groups.reduce((sum, { tokens }) => sum + tokens.length, 0);
    if (this.#sequences + sequences > this.#maxSequences) return false;
    if (this.#bytes + bodyBytes > this.#maxBytes) return false;
    groups.forEach((data, i) => {
      this.#groups.push({ data, bytes: i === 0 ? bodyBytes : 0 });
    });
    this.#sequences += sequences;
    this.#bytes += bodyBytes;
    return true;
  }

  /** Takes out one after the other, each once `leave` is done with it; what throws stays, and all behind it. */
  async leave(leave: (data: ScoredData) => Promise<void>): Promise<void> {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    try {
      for (let first = this.#groups[0]; first !== undefined; first = this.#groups[0]) {
        await leave(first.data);
        // Unless a reset threw them all away meanwhile.
        if (this.#groups[0] === first) this.#drop();
      }
    } finally {
      this.#isLeaving = false;
    }
  }

  clear(): void {
    while (this.#groups.length > 0) this.#drop();
  }

  #drop(): void {
    const first = this.#groups.shift();
    if (first === undefined) return;
    this.#sequences -= first.data.tokens.length;
    this.#bytes -= first.bytes;
  }
}
