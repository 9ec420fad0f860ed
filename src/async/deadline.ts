import { type Clock, systemClock } from './clock.ts';
import {
  type Followable,
  type Follower,
  follow,
  ownFollowers,
  tell,
  unfollow,
} from './followers.ts';

/** A stretch of work that has an end: it fires with the outer signal's reason, or at the deadline. */
export interface Deadline extends Disposable, Followable {
  /** Fires with it. Made when it is asked for: most work waits for the deadline itself. */
  readonly signal: AbortSignal;
  /** True when the time ran out before the outer signal fired. */
  readonly expired: boolean;
}

export interface DeadlineOptions {
  /** Infinity: no deadline, only the outer signal. */
  readonly timeoutMs: number;
  /** Makes the reason with which it fires at the deadline. */
  readonly reason: () => unknown;
  readonly clock?: Clock;
  /** The outer signal. Default: none. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Starts a deadline. Disposing of it gives its timer and its listener back; it then fires no more, and a
 * signal that is first asked for after that has fired already: its work has ended.
 */
export function startDeadline(options: DeadlineOptions): Deadline {
  return new RunningDeadline(options);
}

class RunningDeadline implements Deadline, Follower {
  aborted = false;
  expired = false;
  reason: unknown;
  readonly #outer: AbortSignal | undefined;
  readonly #callOff: (() => void) | undefined;
  readonly #followers = new Set<Follower>();
  #controller: AbortController | undefined;
  #isOver = false;

  constructor({ timeoutMs, reason, clock = systemClock, signal: outer }: DeadlineOptions) {
    if (outer?.aborted === true) {
      this.#fire(outer.reason);
      return;
    }
    this.#outer = outer;
    if (outer !== undefined) follow(outer, this);
    if (timeoutMs === Infinity) return;
    this.#callOff = clock.schedule(timeoutMs, () => {
      if (this.aborted) return;
      this.expired = true;
      this.#fire(reason());
    });
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.aborted) this.#controller.abort(this.reason);
      else if (this.#isOver) this.#controller.abort(workEnded());
      else ownFollowers(this.#controller.signal, this.#followers);
    }
    return this.#controller.signal;
  }

  follow(follower: Follower): void {
    this.#followers.add(follower);
  }

  unfollow(follower: Follower): void {
    this.#followers.delete(follower);
  }

  /** The outer signal did. */
  fired(): void {
    if (!this.aborted) this.#fire(this.#outer?.reason);
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#callOff?.();
    if (this.#outer !== undefined) unfollow(this.#outer, this);
  }

  #fire(reason: unknown): void {
    this.aborted = true;
    this.reason = reason;
    this.#controller?.abort(reason);
    tell(this.#followers);
  }
}

function workEnded(): DOMException {
  const message = 'What this signal is for, such as a tool call, has ended already.';
  return new DOMException(message, 'AbortError');
}
