import { type Ending, follow, unfollow } from './followers.ts';

/** Runs `run` once when the ending fires, which it has not yet; returns what calls it off. */
export function onAbort(ending: Ending, run: () => void): () => void {
  const follower = { fired: run };
  follow(ending, follower);
  return () => unfollow(ending, follower);
}
