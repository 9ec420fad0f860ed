import type { EnvironmentShare } from './broker.ts';

/** Below this, a difference is rounding noise. */
const NOISE = 1e-9;

/**
 * The environments that have a minimum share, and whether a batch waits for them. One that is to be
 * released lives for a lease from its last sign of life: a lease of one of its assignments begun or
 * kept, or a group of it submitted. A dead one holds nothing up.
 */
export class MinimumShares {
  readonly #least = new Map<string, number>();
  /** Those that are released; the others are waited for whatever they do. */
  readonly #aliveUntilMs = new Map<string, number>();
  readonly #leaseMs: number;

  /** `leaseMs`: how long an environment lives after its last sign of life. */
  constructor(leaseMs: number) {
    this.#leaseMs = leaseMs;
  }

  /** `target`: units of a batch. Those that are new are taken to live from now. */
  set(shares: readonly EnvironmentShare[], target: number, nowMs: number): void {
    const before = new Map(this.#aliveUntilMs);
    this.#least.clear();
    this.#aliveUntilMs.clear();
    for (const { environment, minShare, whenShort } of shares) {
      if (minShare <= 0) continue;
      this.#least.set(environment, minShare * target - NOISE);
      if (whenShort !== 'release') continue;
      this.#aliveUntilMs.set(environment, before.get(environment) ?? nowMs + this.#leaseMs);
    }
  }

  /** A sign of life. Returns until when it counts, where anybody asks. */
  heard(environment: string, nowMs: number): number | undefined {
    if (!this.#aliveUntilMs.has(environment)) return undefined;
    this.#aliveUntilMs.set(environment, nowMs + this.#leaseMs);
    return nowMs + this.#leaseMs;
  }

  /** Whether a batch waits for this environment, of which so many units wait. */
  waitsFor(environment: string, units: number, nowMs: number): boolean {
    const least = this.#least.get(environment);
    return least !== undefined && units < least && nowMs < this.#untilMs(environment);
  }

  /** Whether a batch waits for any. */
  waitsForAny(unitsIn: (environment: string) => number, nowMs: number): boolean {
    for (const environment of this.#least.keys()) {
      if (this.waitsFor(environment, unitsIn(environment), nowMs)) return true;
    }
    return false;
  }

  /** When the next environment is released if it does nothing. */
  nextReleaseMs(nowMs: number): number | undefined {
    let next: number | undefined;
    for (const untilMs of this.#aliveUntilMs.values()) {
      if (untilMs > nowMs && (next === undefined || untilMs < next)) next = untilMs;
    }
    return next;
  }

  #untilMs(environment: string): number {
    return this.#aliveUntilMs.get(environment) ?? Infinity;
  }
}
