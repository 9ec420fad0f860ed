import { NO_RUN_POLICY, type Rollout, settleRollout } from '../../contract/index.ts';
import { errorMessage, LachesisError } from '../../errors.ts';
import { emptyLedger } from '../../tokens/index.ts';
import { attemptRollout, failedRollout } from './attempt.ts';
import type { PlayOptions, RolloutIdentity } from './options.ts';

/**
 * Plays one rollout and settles its tokens. It never rejects, and says `started` and `finished`
 * exactly once each: the `finished` rollout is the one returned.
 */
export async function playRollout(options: PlayOptions & RolloutIdentity): Promise<Rollout> {
  const watched = watchedOptions(options);
  sayStarted(watched, options);
  return finish(watched, await attempt(watched, options));
}

/** As {@link attemptRollout}, where even a bug of ours becomes a typed failure: one ending, always. */
export async function attempt(options: PlayOptions, identity: RolloutIdentity): Promise<Rollout> {
  try {
    return await attemptRollout(options, identity);
  } catch (error) {
    const bug = new LachesisError('internal', `Playing failed: ${errorMessage(error)}`, {
      reason: 'PLAY_FAILED',
      cause: error,
    });
    return failedRollout(options, identity, bug, options.signal);
  }
}

/** Settles a rollout under the policy and says that it finished. */
export function finish(options: PlayOptions, rollout: Rollout): Rollout {
  const settled = settledOrFailed(options, rollout);
  options.onProgress?.({
    kind: 'finished',
    rolloutId: settled.id,
    groupId: settled.groupId,
    rollout: settled,
  });
  return settled;
}

export function sayStarted(options: PlayOptions, identity: RolloutIdentity): void {
  options.onProgress?.({
    kind: 'started',
    rolloutId: identity.rolloutId,
    groupId: identity.groupId,
    taskKey: identity.task.key,
    index: identity.index,
  });
}

/** The options with a watcher that can't break a rollout by throwing. */
export function watchedOptions<Options extends PlayOptions>(options: Options): Options {
  const { onProgress, onWarning } = options;
  if (onProgress === undefined) return options;
  return {
    ...options,
    onProgress: (event) => {
      try {
        onProgress(event);
      } catch (error) {
        onWarning?.(`A watcher of rollout ${event.rolloutId} threw: ${errorMessage(error)}`);
      }
    },
  };
}

function settledOrFailed(options: PlayOptions, rollout: Rollout): Rollout {
  try {
    return settleRollout(rollout, options.policy ?? NO_RUN_POLICY).rollout;
  } catch (error) {
    return {
      ...rollout,
      segments: [],
      ledger: emptyLedger(),
      outcome: {
        kind: 'not_scored',
        failure: { kind: 'internal', reason: 'SETTLE_FAILED', message: errorMessage(error) },
      },
    };
  }
}
