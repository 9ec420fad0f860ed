import type { Ledger } from '../../tokens/index.ts';
import type { DeadLetter } from '../assignment-event.ts';
import type { RunSettings, StoredGroup, StoredRow } from '../broker.ts';
import type { SeenGroups } from '../groups-in-play.ts';
import type { Deficits } from '../share-turns.ts';
import type { PayloadPlaces } from './stored-payload.ts';

/** What a run's record holds: all of it that is not in the records of its groups, batches and consumers. */
export interface RunRecord {
  readonly id: string;
  readonly settings: RunSettings;
  readonly policyVersion: number;
  readonly openTimeMs: number;
  /** In the order of being opened, which no clock tells: it may have been set back. */
  readonly ordinal: number;
  readonly closed: boolean;
  /** Batches fully acked. */
  readonly step: number;
  /** The step of the last batch that was cut. */
  readonly lastStep: number;
  /** The last step that each lane committed. */
  readonly committed: Readonly<Record<string, number>>;
  readonly figures: FiguresRecord;
  readonly queue: QueueRecord;
}

/** What a journal keeps of a queue beside its groups. */
export interface QueueRecord {
  /** What each environment is behind its share. */
  readonly deficits: Deficits;
  /** Batches that were cut and are in no published version. */
  readonly unpublished: number;
  readonly seen: SeenGroups;
}

export interface FiguresRecord {
  readonly acceptedGroups: number;
  readonly rollouts: number;
  readonly notScored: number;
  readonly dropped: Readonly<Record<string, number>>;
  /** Batches. Absent in a store of before they were counted. */
  readonly givenUp?: number;
  readonly ledger: Ledger;
  /** Oldest first. */
  readonly recentRewards: readonly number[];
  /** Absent in a store of before it was counted. */
  readonly trainedByStaleness?: readonly number[];
}

/** A group as it was accepted. */
export interface AcceptedGroup {
  readonly group: StoredGroup;
  readonly position: number;
  /** That it is queued by. */
  readonly version: number;
  readonly arrivedMs: number;
}

/** A group whose bytes are no longer kept. */
export interface FormerGroup {
  readonly id: string;
  readonly position: number;
  readonly isLost?: boolean;
}

/** {@link AcceptedGroup} as JSON. */
export interface GroupRecord {
  readonly id: string;
  readonly environment: string;
  readonly taskKey: string;
  readonly rows: readonly StoredRow[];
  /** Null for a rollout that was not scored. */
  readonly rewards: readonly (number | null)[];
  readonly oldestPolicyVersion: number | null;
  readonly ledger: Ledger;
  /** Base64. */
  readonly digest: string;
  readonly version: number;
  readonly arrivedMs: number;
  /** Of its header and parts. */
  readonly places: PayloadPlaces;
}

/** How far an open batch is with one lane of consumers. A lease is anew from when the store is opened. */
export interface LaneRecord {
  readonly lane: string;
  readonly kind: 'ready' | 'leased' | 'done';
  readonly deliveries: number;
  readonly holder: string;
  readonly acked: readonly number[];
}

export interface BatchRecord {
  readonly step: number;
  readonly policyVersion: number;
  /** Of its groups, in its order. */
  readonly positions: readonly number[];
  /** Base64. */
  readonly digest: string;
  /** The rank of each row, by world size. */
  readonly splits: Readonly<Record<string, readonly number[]>>;
  readonly lanes: readonly LaneRecord[];
  /** Absent in a store of before it was kept. */
  readonly cutMs?: number;
  /** Most deliveries of a lane that was taken away; absent for none. */
  readonly retired?: number;
  /** Present where it was not finished but given up, since bytes of its groups are damaged. */
  readonly givenUp?: 'damaged';
}

export interface ConsumerRecord {
  readonly id: string;
  readonly mode: 'compete' | 'fan_out';
  readonly worldSize: number;
  /** Of one that was taken away: the step that it stood at. Absent while it is a consumer. */
  readonly goneAtStep?: number;
}

export interface AssignmentRecord {
  readonly id: string;
  readonly environment: string;
  readonly priority: number;
  /** Absent, or null, when nobody says. */
  readonly groupSize?: number | null;
  /** In the order of being enqueued. */
  readonly ordinal: number;
  readonly attempts: number;
  /** Who leased it last; null while it is queued. */
  readonly workerId: string | null;
  /** By which call, while its answer may have to be given again. */
  readonly requestId?: string;
}

/** An assignment that ended without a group. */
export interface EndedRecord {
  readonly id: string;
  /** Absent where its group came after all, or was dropped. */
  readonly letter?: DeadLetter;
}

/** All that is known of a run when a store is opened. */
export interface RestoredRun {
  readonly record: RunRecord;
  /** In submit order. Those that were let go have no group; of those that are lost the id is free. */
  readonly groups: readonly (AcceptedGroup | FormerGroup)[];
  /** Positions of those that were trained or dropped. */
  readonly settled: ReadonlySet<number>;
  /** In step order. */
  readonly batches: readonly BatchRecord[];
  /** Batches that are done and can be gone back to, in step order. */
  readonly done: readonly BatchRecord[];
  readonly consumers: readonly ConsumerRecord[];
  /** Assignments that ended without a group, oldest first. */
  readonly ended: readonly EndedRecord[];
}
