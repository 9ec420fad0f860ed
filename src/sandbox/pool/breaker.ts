import { LachesisError } from '../../errors.ts';

const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 30_000;
const QUOTA_PAUSE_MS = 1_000;
/** What a provider says of its quota is believed up to here. */
const MAX_QUOTA_PAUSE_MS = 60_000;
/** Trouble is remembered so long after its pause, so that whoever asks next does not begin at full speed. */
const MEMORY_MS = 60_000;

/** Holds back the making of sandboxes after it failed, longer each time; then tries with one at a time. */
export class Breaker {
  /** The last failure since it last went well. */
  lastError: unknown;
  #failures = 0;
  #failedMs = -Infinity;
  #nextTryMs = -Infinity;
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** How many more may be begun, when so many are under way. */
  allowed(nowMs: number, creating: number): number {
    if (nowMs < this.#nextTryMs) return 0;
    return this.lastError === undefined ? Infinity : Math.max(0, 1 - creating);
  }

  /** When it may next be tried; undefined when it may now. */
  waitMs(nowMs: number): number | undefined {
    return nowMs < this.#nextTryMs ? this.#nextTryMs - nowMs : undefined;
  }

  /** In how long it may be forgotten. */
  calmInMs(nowMs: number): number {
    if (this.lastError === undefined) return 0;
    return Math.max(0, this.#nextTryMs + MEMORY_MS - nowMs);
  }

  succeeded(): void {
    this.#failures = 0;
    this.#failedMs = -Infinity;
    this.#nextTryMs = -Infinity;
    this.lastError = undefined;
  }

  /** Of several that were under way together, the first failure counts: they tell of one trouble. */
  failed(error: unknown, begunMs: number, nowMs: number): void {
    this.lastError = error ?? new Error('no reason was given');
    if (begunMs < this.#failedMs) return;
    this.#failedMs = nowMs;
    const quota = error instanceof LachesisError && error.kind === 'resource_exhausted';
    // A quota that is full is no fault of the provider's: growth waits, nothing is counted.
    if (!quota) this.#failures += 1;
    const pauseMs = quota
      ? quotaPauseMs(error.retryAfterMs)
      : Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (this.#failures - 1));
    this.#nextTryMs = nowMs + pauseMs * (1 + this.#random() / 2);
  }
}

function quotaPauseMs(retryAfterMs = QUOTA_PAUSE_MS): number {
  if (!(retryAfterMs > 0)) return QUOTA_PAUSE_MS;
  return Math.min(MAX_QUOTA_PAUSE_MS, retryAfterMs);
}
