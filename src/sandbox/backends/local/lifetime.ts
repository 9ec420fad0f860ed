import { systemClock } from '../../../async/index.ts';

/** Calls `run` once the time is over; undefined for never. */
export class LifetimeTimer {
  readonly #callOff: (() => void) | undefined;

  constructor(lifetimeMs: number | undefined, run: () => void) {
    if (lifetimeMs !== undefined && lifetimeMs !== Infinity) {
      this.#callOff = systemClock.schedule(lifetimeMs, run);
    }
  }

  close(): void {
    this.#callOff?.();
  }
}

export function includesTags(
  tags: Readonly<Record<string, string>>,
  wanted: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(wanted).every(([name, value]) => tags[name] === value);
}
