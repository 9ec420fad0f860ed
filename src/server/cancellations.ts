import type { LachesisError } from '../errors.ts';

/** Cancelled rollouts that are remembered, so that one whose play begins late does not play. */
const MAX_REMEMBERED = 50_000;

/** A way to end a rollout, for whoever plays it and whoever cancels it; kept from the first ask to its release. */
export class Cancellations {
  readonly #controllers = new Map<string, AbortController>();
  readonly #cancelled = new Map<string, LachesisError>();

  /** Fires when the rollout is cancelled; has fired already when it was. */
  signalOf(rolloutId: string): AbortSignal {
    const reason = this.#cancelled.get(rolloutId);
    if (reason !== undefined) return AbortSignal.abort(reason);
    let controller = this.#controllers.get(rolloutId);
    if (controller === undefined) {
      controller = new AbortController();
      this.#controllers.set(rolloutId, controller);
    }
    return controller.signal;
  }

  isCancelled(rolloutId: string): boolean {
    return this.#cancelled.has(rolloutId);
  }

  cancel(rolloutId: string, error: LachesisError): void {
    this.#cancelled.set(rolloutId, error);
    for (const oldest of this.#cancelled.keys()) {
      if (this.#cancelled.size <= MAX_REMEMBERED) break;
      this.#cancelled.delete(oldest);
    }
    this.#controllers.get(rolloutId)?.abort(error);
  }

  /** Forgets the signal of a rollout that has ended. */
  release(rolloutId: string): void {
    this.#controllers.delete(rolloutId);
  }
}
