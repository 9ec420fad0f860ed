import type { ScoredData } from './scored-data.ts';

/**
 * Groups that were pushed before a trainer said what a batch is, in order. There is no run that could
 * store them, so they are as safe as this process is, and bounded.
 */
export class EarlyGroups {
  readonly #maxSequences: number;
  readonly #maxTokens: number;
  #groups: ScoredData[] = [];
  #sequences = 0;
  #tokens = 0;

  constructor(limits: { readonly maxEarlySequences: number; readonly maxEarlyTokens: number }) {
    this.#maxSequences = limits.maxEarlySequences;
    this.#maxTokens = limits.maxEarlyTokens;
  }

  get groups(): number {
    return this.#groups.length;
  }

  /** All of them or, where there is no room for all, none: then false. */
  add(groups: readonly ScoredData[]): boolean {
    const sequences = groups.reduce((sum, { tokens }) => sum + tokens.length, 0);
    const tokens = groups.reduce((sum, group) => sum + tokensOf(group), 0);
    if (this.#sequences + sequences > this.#maxSequences) return false;
    if (this.#tokens + tokens > this.#maxTokens) return false;
    this.#groups.push(...groups);
    this.#sequences += sequences;
    this.#tokens += tokens;
    return true;
  }

  takeAll(): readonly ScoredData[] {
    const groups = this.#groups;
    this.#groups = [];
    this.#sequences = 0;
    this.#tokens = 0;
    return groups;
  }
}

function tokensOf({ tokens }: ScoredData): number {
  return tokens.reduce((sum, { length }) => sum + length, 0);
}
