/** Something that is told once when what it follows fires. */
export interface Follower {
  fired(): void;
}

/** What fires once, with a reason, and can be followed without a listener: a deadline. */
export interface Followable {
  readonly aborted: boolean;
  readonly reason: unknown;
  follow(follower: Follower): void;
  unfollow(follower: Follower): void;
}

/** What may end a wait. */
export type Ending = AbortSignal | Followable;

interface FollowersOfSignal {
  readonly all: Set<Follower>;
  /** Undefined where the signal's owner tells the followers itself. */
  readonly listener: (() => void) | undefined;
}

/** Kept by signal, and gone when nobody follows it any more. */
const followersOf = new WeakMap<AbortSignal, FollowersOfSignal>();

/**
 * Tells `follower` once when the ending fires; it has not fired yet. A signal searches the list of its
 * listeners at every add and remove, so ten thousand rollouts on one signal would cost quadratic
 * time; here they share one listener, and a set.
 */
export function follow(ending: Ending, follower: Follower): void {
  if ('follow' in ending) ending.follow(follower);
  else (followersOf.get(ending) ?? listenTo(ending)).all.add(follower);
}

/** The follower is told no more. */
export function unfollow(ending: Ending, follower: Follower): void {
  if ('follow' in ending) {
    ending.unfollow(follower);
    return;
  }
  const followers = followersOf.get(ending);
  if (followers === undefined) return;
  followers.all.delete(follower);
  if (followers.all.size > 0 || followers.listener === undefined) return;
  followersOf.delete(ending);
  ending.removeEventListener('abort', followers.listener);
}

/** The owner of a signal keeps its followers and tells them: no listener is needed then. */
export function ownFollowers(signal: AbortSignal, all: Set<Follower>): void {
  followersOf.set(signal, { all, listener: undefined });
}

/** Each of them once, also when one calls off another. */
export function tell(all: Set<Follower>): void {
  for (const follower of all) {
    all.delete(follower);
    try {
      follower.fired();
    } catch (error) {
      // As a listener's own error: told to the process, and no reason to skip the others.
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}

function listenTo(signal: AbortSignal): FollowersOfSignal {
  const all = new Set<Follower>();
  const listener = (): void => {
    // Still known while they are told, so that one can call off another.
    tell(all);
    followersOf.delete(signal);
  };
  const followers = { all, listener };
  followersOf.set(signal, followers);
  signal.addEventListener('abort', listener, { once: true });
  return followers;
}
