import type { BatchLedger } from './batch-ledger.ts';
import type { StoredGroup } from './broker.ts';
import type { CutBatch } from './cut-batch.ts';
import type { Departures } from './departures.ts';
import type { GroupHistory } from './group-history.ts';
import type { RunJournal } from './journal/run-journal.ts';
import type { RunObserver } from './run-observer.ts';
import type { RunQueue } from './run-queue.ts';
import { oldestAllowedVersion } from './staleness.ts';
import { waitingGroup } from './waiting-groups.ts';

/** What of a run a batch that is given up touches, and how things stand. */
export interface GiveUpRooms {
  readonly batches: BatchLedger;
  readonly departures: Departures;
  readonly history: GroupHistory;
  readonly queue: RunQueue;
  readonly observer: RunObserver;
  readonly journal: RunJournal;
  readonly policyVersion: number;
  readonly maxStaleness: number | undefined;
  readonly nowMs: number;
}

/**
 * A batch can't be handed out, since what is kept of these groups of it is damaged. If nobody ever had
 * it, it never was, and its other groups wait again. Else they are given up with it: whoever had it may
 * have trained them, so in another batch they might be trained twice. Says which.
 */
export function giveUpBatch(
  cut: CutBatch,
  damaged: ReadonlySet<StoredGroup>,
  rooms: GiveUpRooms,
): ReturnType<BatchLedger['giveUp']> {
  const { batches, departures, observer } = rooms;
  const how = batches.giveUp(cut);
  const others = cut.groups.filter((group) => !damaged.has(group));
  if (how === 'uncut') {
    observer.uncut(cut);
    departures.lose(damaged);
    waitAgain(others, rooms);
  } else if (how === 'given_up') {
    departures.drop('damaged', [...damaged]);
    departures.drop('damaged_batch', others);
  }
  return how;
}

/** As of the version that they are of, or of the current one where nothing was sampled. */
function waitAgain(groups: readonly StoredGroup[], rooms: GiveUpRooms): void {
  const { history, queue, journal, departures, policyVersion, nowMs: arrivedMs } = rooms;
  const floor = oldestAllowedVersion(policyVersion, rooms.maxStaleness) ?? -Infinity;
  const stale: StoredGroup[] = [];
  const waiting = groups.flatMap((group) => {
    const { oldestPolicyVersion: version = policyVersion } = group;
    if (version < floor) {
      stale.push(group);
      return [];
    }
    const seat = { position: history.positionOf(group.id) ?? 0, version, arrivedMs };
    journal.accepted({ group, ...seat });
    return [waitingGroup(group, seat)];
  });
  queue.untake(waiting);
  departures.drop('stale', stale);
}
