import { setTimeout as sleep } from 'node:timers/promises';

/** Ways in which real inference servers have failed, for testing whoever talks to one. Default: none. */
export interface EngineFaults {
  /** Leave the stop token out of the ids, its logprob too. */
  readonly dropStopToken?: boolean;
  /** Answer with null in place of every logprob. */
  readonly nullLogprobs?: boolean;
  /** Which logprobs are reported when the request does not say. Default: `processed`. */
  readonly logprobMode?: 'raw' | 'processed';
  /** Wait before answering. */
  readonly delayMs?: number;
  /** Answer this many requests with `status` before serving the rest. */
  readonly failFirst?: number;
  /** Default: 503. */
  readonly failStatus?: 429 | 503;
  /** End the body of a 200 answer half way. */
  readonly truncateBody?: boolean;
}

/** A refusal that a fault makes, or undefined to serve the request. */
export class FaultGate {
  readonly faults: EngineFaults;
  #left: number;

  constructor(faults: EngineFaults = {}) {
    this.faults = faults;
    this.#left = faults.failFirst ?? 0;
  }

  async enter(signal: AbortSignal): Promise<429 | 503 | undefined> {
    if (this.faults.delayMs !== undefined) {
      await sleep(this.faults.delayMs, undefined, { signal });
    }
    if (this.#left <= 0) return undefined;
    this.#left--;
    return this.faults.failStatus ?? 503;
  }
}
