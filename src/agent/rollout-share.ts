import type { Message, SamplingParameters } from '../messages.ts';
import type { Stop } from './stop.ts';

/** What a rollout may use, all its agents together. */
export interface RolloutAllowance {
  /** Undefined: as many as they like. */
  readonly maxSampledTokens: number | undefined;
  readonly maxModelRetries: number;
}

/**
 * What the agents of one rollout share: what is left of its allowance, and which call gave which message.
 * Tokens count when a call ends, so calls side by side may each use what was left when they began.
 */
export class RolloutShare {
  readonly #allowance: RolloutAllowance;
  readonly #callIds = new WeakMap<Message, string>();
  #sampledTokens = 0;
  #modelRetries = 0;

  constructor(allowance: RolloutAllowance) {
    this.#allowance = allowance;
  }

  get countsTokens(): boolean {
    return this.#allowance.maxSampledTokens !== undefined;
  }

  spendTokens(tokens: number): void {
    this.#sampledTokens += tokens;
  }

  /** A stop when nothing more may be sampled. */
  get spent(): Stop | undefined {
    if (this.#tokensLeft > 0) return undefined;
    const detail = `The limit of ${this.#allowance.maxSampledTokens} sampled tokens was reached.`;
    return { reason: 'max_tokens', detail };
  }

  /** The same parameters, for no more tokens than are left. */
  within(sampling: SamplingParameters): SamplingParameters {
    const left = this.#tokensLeft;
    if (!this.countsTokens) return sampling;
    return { ...sampling, maxTokens: Math.min(sampling.maxTokens ?? left, left) };
  }

  /** Takes one of the retries that are left; false when there is none. */
  takeRetry(): boolean {
    if (this.#modelRetries >= this.#allowance.maxModelRetries) return false;
    this.#modelRetries += 1;
    return true;
  }

  /** Notes the call that gave a message; absent where the session keeps no calls. */
  gave(message: Message, callId: string | undefined): void {
    if (callId !== undefined) this.#callIds.set(message, callId);
  }

  /** The call that gave the newest of these messages that a call gave: the very object tells. */
  callOf(messages: readonly Message[]): string | undefined {
    const given = messages.findLast((message) => this.#callIds.has(message));
    return given && this.#callIds.get(given);
  }

  get #tokensLeft(): number {
    return (this.#allowance.maxSampledTokens ?? Number.POSITIVE_INFINITY) - this.#sampledTokens;
  }
}
