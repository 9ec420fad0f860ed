import type { AdmissionPolicy } from './broker.ts';

export interface CapacityOptions {
  readonly policy: AdmissionPolicy;
  readonly maxStaleness: number | undefined;
  /** Units of a batch. */
  readonly target: number;
}

/** What of a run is on its way to be trained, in units. */
export interface OnItsWay {
  readonly waiting: number;
  readonly playing: number;
  /** Whether what waits fills a batch; asked only where it matters. */
  canCut(): boolean;
  /** Batches that somebody holds. */
  readonly handedOut: number;
}

/** How long a trainer without a batch waits for one before it is clear that it will not publish first. */
const PATIENCE_MS = 5_000;

/**
 * How much of a run may be begun so that none of it is stale when it is trained. A group that is begun
 * behind n batches is cut at the version n later, if every batch brings one; so what waits, what plays and
 * what is being trained may be maxStaleness + 1 batches. (The gate of Fu et al., AReaL, 2025: accepted
 * and running are at most (version - first version + maxStaleness + 1) batches; but here what never is
 * trained, and a version that no batch brought, do not count.)
 *
 * A trainer that publishes less often would starve: one that asks for a batch for a while, holds none,
 * and has not published, gets what fills one.
 */
export class Capacity {
  readonly #options: CapacityOptions;
  /** Batches that were cut and are in no version that was published. */
  #unpublished: number;
  #askedSinceMs: number | undefined;

  constructor(options: CapacityOptions, unpublished = 0) {
    this.#options = options;
    this.#unpublished = unpublished;
  }

  get unpublished(): number {
    return this.#unpublished;
  }

  cut(): void {
    this.#unpublished += 1;
    this.#askedSinceMs = undefined;
  }

  /** What was cut last never was. */
  uncut(): void {
    this.#unpublished = Math.max(0, this.#unpublished - 1);
  }

  /** So many versions on; `open` batches are cut and not acked, and may be in none yet. */
  published(versions: number, open: number): void {
    this.#unpublished = Math.max(0, Math.min(this.#unpublished - versions, open));
    this.#askedSinceMs = undefined;
  }

  /** A consumer asked for a batch in vain. */
  asked(nowMs: number): void {
    if (this.#limit === Infinity) return;
    this.#askedSinceMs ??= nowMs;
  }

  /** When time alone makes room. */
  nextMs(nowMs: number): number | undefined {
    const atMs = this.#askedSinceMs === undefined ? 0 : this.#askedSinceMs + PATIENCE_MS;
    return atMs > nowMs ? atMs : undefined;
  }

  /** How many groups of so many units may be begun. */
  groups(units: number, state: OnItsWay, nowMs: number): number {
    if (this.#limit === Infinity) return Infinity;
    const { waiting, playing } = state;
    const left = this.#limit - waiting - playing - this.#unpublished * this.#options.target;
    const groups = Math.max(0, Math.floor(left / units));
    if (groups > 0 || !this.#isStarving(state, nowMs)) return groups;
    const missing = this.#options.target - waiting - playing;
    if (missing > 0) return Math.ceil(missing / units);
    return playing === 0 && !state.canCut() ? 1 : 0;
  }

  #isStarving({ handedOut }: OnItsWay, nowMs: number): boolean {
    const since = this.#askedSinceMs;
    return handedOut === 0 && since !== undefined && nowMs - since >= PATIENCE_MS;
  }

  get #limit(): number {
    const { policy, maxStaleness, target } = this.#options;
    if (policy.kind === 'off' || maxStaleness === undefined) return Infinity;
    return (policy.kind === 'soft' ? policy.factor : 1) * (maxStaleness + 1) * target;
  }
}
