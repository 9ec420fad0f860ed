import { create } from '@bufbuild/protobuf';
import { type RolloutEvent, RolloutEventSchema } from '../../gen/lachesis/v1/rollout_pb.ts';
import { sendableEvent, timestampFromMs } from '../contract/index.ts';
import { LachesisError } from '../errors.ts';
import type { LoggedEvent, RolloutLog } from './rollout-log.ts';

export interface WatchOptions {
  /** The last sequence seen; 0 for all that is kept. */
  readonly after: number;
  /** Empty for any; else the run of the groups and rollouts too. */
  readonly runId: string;
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
  const selection = selectionOf(log, options);
  let lastSentMs = now();
  for (;;) {
    const since = log.changed.version;
    const finished = options.untilFinished && allFinished(log, selection);
    const page = log.read(cursor, PAGE);
    for (const logged of page) {
      cursor = logged.sequence;
      if (!isWanted(logged, selection)) continue;
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

/** What is watched: everything, or everything of a run, where no group and no rollout is named. */
interface Selection {
  readonly runId: string;
  readonly isAll: boolean;
  /** By id; of any run where that is undefined. */
  readonly groups: ReadonlyMap<string, string | undefined>;
  readonly rollouts: ReadonlyMap<string, string | undefined>;
}

/** Throws for an id that several runs have where none is named, and for one whose end would be waited for in vain. */
function selectionOf(log: RolloutLog, options: WatchOptions): Selection {
  const { runId, groupIds, rolloutIds, untilFinished } = options;
  const isAll = groupIds.size + rolloutIds.size === 0;
  const groups = new Map([...groupIds].map((id) => [id, runId || log.runOfGroup(id)]));
  const rollouts = new Map([...rolloutIds].map((id) => [id, runId || log.runOfRollout(id)]));
  if (untilFinished) {
    const rollout = [...rollouts].find(
      ([rolloutId, run]) =>
        run === undefined || log.stateOf({ runId: run, rolloutId }) === undefined,
    );
    const group = [...groups].find(
      ([groupId, run]) => run === undefined || log.rolloutsOf({ runId: run, groupId }).length === 0,
    );
    const unknown = rollout ?? group;
    if (unknown !== undefined) throw notKnown(unknown[0]);
  }
  return { runId, isAll, groups, rollouts };
}

function isWanted({ runId, event }: LoggedEvent, selection: Selection): boolean {
  if (selection.isAll) return selection.runId === '' || selection.runId === runId;
  const isOf = (ids: Selection['groups'], id: string): boolean =>
    ids.has(id) && (ids.get(id) ?? runId) === runId;
  return isOf(selection.groups, event.groupId) || isOf(selection.rollouts, event.rolloutId);
}

function notKnown(id: string): LachesisError {
  return new LachesisError('not_found', `"${id}" is not known here.`, {
    reason: 'ROLLOUT_UNKNOWN',
    remedy: 'Start it first; a rollout is forgotten once its events are no longer kept.',
  });
}

function allFinished(log: RolloutLog, { runId, isAll, groups, rollouts }: Selection): boolean {
  if (isAll && runId === '') return log.openCount === 0;
  if (isAll) return log.open().every(({ group }) => group.runId !== runId);
  const keys = [
    ...[...rollouts].map(([rolloutId, run = '']) => ({ runId: run, rolloutId })),
    ...[...groups].flatMap(([groupId, run = '']) =>
      log.rolloutsOf({ runId: run, groupId }).map((rolloutId) => ({ runId: run, rolloutId })),
    ),
  ];
  return keys.every((key) => (log.stateOf(key)?.kind ?? 'finished') === 'finished');
}
