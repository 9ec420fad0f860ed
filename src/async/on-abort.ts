/** What is to run when a signal fires. Kept by signal, and gone when nobody follows it any more. */
interface Followers {
  readonly all: Set<() => void>;
  /** Of a signal that somebody else fires; undefined where the owner tells the followers itself. */
  readonly listener: (() => void) | undefined;
}

const followersOf = new WeakMap<AbortSignal, Followers>();

/**
 * Runs `follow` once when the signal fires; returns what calls it off. For a signal that has not
 * fired yet. A signal searches the list of its listeners at every add and remove, so ten thousand
 * rollouts on one signal would cost quadratic time; here they share one listener, and a set.
 */
export function onAbort(signal: AbortSignal, follow: () => void): () => void {
  const followers = followersOf.get(signal) ?? beginFollowing(signal);
  followers.all.add(follow);
  return () => {
    followers.all.delete(follow);
    if (followers.all.size > 0 || followers.listener === undefined) return;
    if (followersOf.get(signal) !== followers) return;
    followersOf.delete(signal);
    signal.removeEventListener('abort', followers.listener);
  };
}

/**
 * A controller that tells its signal's followers by itself, after its listeners: following it costs no
 * listener, which is most of what following costs.
 */
export class FollowedController {
  readonly #controller = new AbortController();
  readonly #all = new Set<() => void>();

  constructor() {
    followersOf.set(this.#controller.signal, { all: this.#all, listener: undefined });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  abort(reason: unknown): void {
    this.#controller.abort(reason);
    tell(this.#all);
  }
}

function beginFollowing(signal: AbortSignal): Followers {
  const all = new Set<() => void>();
  const listener = (): void => {
    followersOf.delete(signal);
    tell(all);
  };
  const followers = { all, listener };
  followersOf.set(signal, followers);
  signal.addEventListener('abort', listener, { once: true });
  return followers;
}

/** Each of them once, also when one calls off another. */
function tell(all: Set<() => void>): void {
  for (const follow of all) {
    all.delete(follow);
    try {
      follow();
    } catch (error) {
      // As a listener's own error: told to the process, and no reason to skip the others.
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}
