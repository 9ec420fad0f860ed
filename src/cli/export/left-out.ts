/** Counts what an export read, wrote and left out, by reason, for the account at its end. */
export class LeftOut {
  readonly #reasons = new Map<string, number>();
  /** Rollouts read. */
  read = 0;
  /** Rows written; a pair is one. */
  written = 0;

  add(reason: string, count = 1): void {
    this.#reasons.set(reason, (this.#reasons.get(reason) ?? 0) + count);
  }

  /** In one line: `8 rollouts read, 5 rows written, left out: 2 not scored, 1 under --min-reward`. */
  toString(): string {
    const reasons = [...this.#reasons].map(([reason, count]) => `${count} ${reason}`);
    const rest = reasons.length === 0 ? 'nothing left out' : `left out: ${reasons.join(', ')}`;
    return `${this.read} rollouts read, ${this.written} rows written, ${rest}`;
  }
}
