/** What is to run when a signal fires. Kept by signal, and gone when nobody follows it any more. */
interface Followers {
  readonly all: Set<() => void>;
  readonly listener: () => void;
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
    if (followers.all.size > 0 || followersOf.get(signal) !== followers) return;
    followersOf.delete(signal);
    signal.removeEventListener('abort', followers.listener);
  };
}

function beginFollowing(signal: AbortSignal): Followers {
  const all = new Set<() => void>();
  const listener = (): void => {
    followersOf.delete(signal);
    for (const follow of all) {
      try {
        follow();
      } catch (error) {
        // As a listener's own error: told to the process, and no reason to skip the others.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  };
  const followers = { all, listener };
  followersOf.set(signal, followers);
  signal.addEventListener('abort', listener, { once: true });
  return followers;
}
