const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 10_000;

/**
 * How long to hold back when what surrounds the rollouts fails, such as an engine that is away: playing on
 * at full speed would use up every assignment's attempts within seconds. One failure is chance.
 */
export class Patience {
  #failures = 0;

  /** No rollout of a group was scored, for want of what it needs around it. */
  failed(): void {
    this.#failures += 1;
  }

  /** A group went well. */
  worked(): void {
    this.#failures = 0;
  }

  get pauseMs(): number {
    if (this.#failures < 2) return 0;
    return Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(this.#failures - 2, 16));
  }
}
