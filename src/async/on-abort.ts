/** What is to run when a signal fires, by signal. A signal that is gone takes its set with it. */
const followers = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Runs `follow` once when the signal fires; returns what calls it off. For a signal that has not
 * fired yet. A signal searches the list of its listeners at every add and remove, so ten thousand
 * rollouts on one signal would cost quadratic time; here they share one listener, and a set.
 */
export function onAbort(signal: AbortSignal, follow: () => void): () => void {
  const set = followers.get(signal) ?? followAll(signal);
  set.add(follow);
  return () => set.delete(follow);
}

function followAll(signal: AbortSignal): Set<() => void> {
  const set = new Set<() => void>();
  followers.set(signal, set);
  const runAll = (): void => {
    followers.delete(signal);
    for (const follow of set) {
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
  signal.addEventListener('abort', runAll, { once: true });
  return set;
}
