import { create } from '@bufbuild/protobuf';
import { type RolloutEvent, RolloutEventSchema } from '../../gen/lachesis/v1/rollout_pb.ts';
import { sendableEvent, timestampFromMs } from '../contract/index.ts';
import { LachesisError } from '../errors.ts';
import type { LoggedEvent, RolloutLog } from './rollout-log.ts';

export interface WatchOptions {
  /** The last sequence seen; 0 for all that is kept. */
  readonly after: number;
  /** Empty for any. */
  readonly groupIds: ReadonlySet<string>;
  /** Empty for any. */
  readonly rolloutIds: ReadonlySet<string>;
  readonly untilFinished: boolean;
  /** Longest silence. */
  readonly heartbeatMs: number;
  readonly signal: AbortSignal;
  readonly now?: () => number;
}

/** Events are read this many at a time; a slow watcher holds no more than that. */
const PAGE = 256;

/**
 * Events after a cursor, without gap or repeat. The watcher has no queue: it reads the log at its
 * own pace, and when it falls behind what is kept, the stream ends with `out_of_range`.
 */
export async function* watchRollouts(
  log: RolloutLog,
  options: WatchOptions,
): AsyncGenerator<RolloutEvent> {
  const { signal, now = Date.now } = options;
  let cursor = options.after;
  assertKnown(log, options);
  let lastSentMs = now();
  for (;;) {
    const since = log.changed.version;
    const finished = options.untilFinished && allFinished(log, options);
    const page = log.read(cursor, PAGE);
    for (const logged of page) {
      cursor = logged.sequence;
      if (!isWanted(logged, options)) continue;
      yield sendableEvent(logged.event, logged);
      lastSentMs = now();
    }
    if (page.length === PAGE) continue;
    if (finished) return;
    const timeoutMs = Math.max(1, options.heartbeatMs - (now() - lastSentMs));
    const woken = await log.changed.wait({ since, timeoutMs, signal });
    if (woken === 'aborted') throw signal.reason;
    if (now() - lastSentMs >= options.heartbeatMs) {
      yield create(RolloutEventSchema, {
        time: timestampFromMs(now()),
        event: { case: 'heartbeat', value: {} },
      });
      lastSentMs = now();
    }
  }
}

function isWanted({ event }: LoggedEvent, { groupIds, rolloutIds }: WatchOptions): boolean {
  if (groupIds.size === 0 && rolloutIds.size === 0) return true;
  return groupIds.has(event.groupId) || rolloutIds.has(event.rolloutId);
}

/** Waiting for the end of what was never begun would be waiting for ever. */
function assertKnown(log: RolloutLog, options: WatchOptions): void {
  if (!options.untilFinished) return;
  const rollout = [...options.rolloutIds].find((id) => log.stateOf(id) === undefined);
  const group = [...options.groupIds].find((id) => log.rolloutsOf(id).length === 0);
  const unknown = rollout ?? group;
  if (unknown === undefined) return;
  throw new LachesisError('not_found', `"${unknown}" is not known here.`, {
    reason: 'ROLLOUT_UNKNOWN',
    remedy: 'Start it first; a rollout is forgotten once its events are no longer kept.',
  });
}

function allFinished(log: RolloutLog, { groupIds, rolloutIds }: WatchOptions): boolean {
  if (groupIds.size === 0 && rolloutIds.size === 0) return log.openCount === 0;
  const ids = [...rolloutIds, ...[...groupIds].flatMap((id) => log.rolloutsOf(id))];
  return ids.every((id) => (log.stateOf(id)?.kind ?? 'finished') === 'finished');
}
