import type { RunThroughput } from './run-detail.ts';

const SLICE_MS = 1_000;
const SLICES = 60;

type Counts = Omit<RunThroughput, 'windowMs'>;
type Part = 'accepted' | 'trained';

/** Groups, rows and tokens of the last minute, by the second. */
export class RecentThroughput {
  readonly #slices: { at: number; counts: Record<keyof Counts, number> }[];
  readonly #sinceMs: number;

  constructor(nowMs: number) {
    this.#sinceMs = nowMs;
    this.#slices = Array.from({ length: SLICES }, () => ({ at: -1, counts: none() }));
  }

  count(part: Part, nowMs: number, rows: number, tokens: number, groups = 1): void {
    const at = Math.floor(nowMs / SLICE_MS);
    const slice = this.#slices[at % SLICES]!;
    if (slice.at !== at) {
      slice.at = at;
      slice.counts = none();
    }
    slice.counts[`${part}Groups`] += groups;
    slice.counts[`${part}Rows`] += rows;
    slice.counts[`${part}Tokens`] += tokens;
  }

  /** The seconds before the running one, and of that what is over. */
  read(nowMs: number): RunThroughput {
    const first = Math.floor(nowMs / SLICE_MS) - (SLICES - 1);
    const sum = none();
    for (const { at, counts } of this.#slices) {
      if (at < first) continue;
      for (const name of Object.keys(sum) as (keyof Counts)[]) sum[name] += counts[name];
    }
    return { windowMs: Math.max(0, nowMs - Math.max(first * SLICE_MS, this.#sinceMs)), ...sum };
  }
}

function none(): Record<keyof Counts, number> {
  return {
    acceptedGroups: 0,
    acceptedRows: 0,
    acceptedTokens: 0,
    trainedGroups: 0,
    trainedRows: 0,
    trainedTokens: 0,
  };
}
