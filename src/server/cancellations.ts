import type { LachesisError } from '../errors.ts';
import type { RolloutKey } from './rollout-state.ts';

/** Cancelled rollouts that are remembered, so that one whose play begins late does not play. */
const MAX_REMEMBERED = 50_000;

/** A way to end a rollout, for whoever plays it and whoever cancels it; kept from the first ask to its release. */
export class Cancellations {
  readonly #controllers = new Map<string, AbortController>();
  readonly #cancelled = new Map<string, LachesisError>();

  /** Fires when the rollout is cancelled; has fired already when it was. */
  signalOf(rollout: RolloutKey): AbortSignal {
    const name = nameOf(rollout);
    const reason = this.#cancelled.get(name);
    if (reason !== undefined) return AbortSignal.abort(reason);
    let controller = this.#controllers.get(name);
    if (controller === undefined) {
      controller = new AbortController();
      this.#controllers.set(name, controller);
    }
    return controller.signal;
  }

  isCancelled(rollout: RolloutKey): boolean {
    return this.#cancelled.has(nameOf(rollout));
  }

  cancel(rollout: RolloutKey, error: LachesisError): void {
    const name = nameOf(rollout);
    this.#cancelled.set(name, error);
    for (const oldest of this.#cancelled.keys()) {
      if (this.#cancelled.size <= MAX_REMEMBERED) break;
      this.#cancelled.delete(oldest);
    }
    this.#controllers.get(name)?.abort(error);
  }

  /** Forgets the signal of a rollout that has ended. */
  release(rollout: RolloutKey): void {
    this.#controllers.delete(nameOf(rollout));
  }
}

/** A run's id holds no space. */
function nameOf({ runId, rolloutId }: RolloutKey): string {
  return `${runId} ${rolloutId}`;
}
