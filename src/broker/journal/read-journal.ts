import type { RestoredAssignment } from '../assignment-book.ts';
import type { RunSettings } from '../broker.ts';
import { LOST_PREFIX, lostKey } from '../stores/lost-payloads.ts';
import type { BrokerStore } from '../stores/store.ts';
import { keys } from './keys.ts';
import type { LongRecords } from './long-records.ts';
import { decodeRecord } from './record-codec.ts';
import type {
  AssignmentRecord,
  BatchRecord,
  ConsumerRecord,
  EndedRecord,
  FormerGroup,
  GroupRecord,
  QueueRecord,
  RestoredRun,
  RunRecord,
} from './records.ts';
import { type PayloadPlaces, StoredPayload } from './stored-payload.ts';

/** Every run of a store, in the order of being opened. What the store notes as lost is known to be damaged. */
export function readRuns(store: BrokerStore, records: LongRecords): readonly RestoredRun[] {
  const lost = new Set([...store.records(LOST_PREFIX)].map(({ key }) => key));
  const payloadOf = (places: PayloadPlaces) => {
    const isLost = lost.size > 0 && places.blocks.some((ref) => lost.has(lostKey(ref)));
    return new StoredPayload(store, places, isLost ? 'damaged' : 'unsure');
  };
  const runs = [...records.under(keys.runs)].map(({ key, value }) =>
    currentRecord(decodeRecord(key, value).json as RunRecord),
  );
  return runs
    .sort((a, b) => a.ordinal - b.ordinal)
    .map((record) => readRun(records, record, payloadOf));
}

/** Every assignment of a store that has not ended, in the order of being enqueued. */
export function readAssignments(
  records: LongRecords,
  runs: readonly RestoredRun[],
): readonly RestoredAssignment[] {
  return runs
    .filter(({ record }) => !record.closed)
    .flatMap(({ record: { id: runId } }) =>
      [...records.under(keys.ofRun('assignment', runId))].map(({ key, value }) => {
        const { json, bytes: payload } = decodeRecord(key, value);
        const record = json as AssignmentRecord;
        const { id, environment, priority, groupSize } = record;
        const size = typeof groupSize === 'number' ? { groupSize } : {};
        return { record, assignment: { id, runId, environment, priority, ...size, payload } };
      }),
    )
    .sort((a, b) => a.record.ordinal - b.record.ordinal);
}

/** Keys of assignments that ended with their run: closing it says so, and their records go one by one. */
export function readLeftovers(
  records: LongRecords,
  runs: readonly RestoredRun[],
): ReadonlyMap<string, readonly string[]> {
  const closed = runs.filter(({ record }) => record.closed).map(({ record }) => record.id);
  return new Map(
    closed
      .map((id) => {
        const ofRun = records.under(keys.ofRun('assignment', id));
        return [id, [...ofRun].map(({ key }) => key)] as const;
      })
      .filter(([, left]) => left.length > 0),
  );
}

type PayloadOf = (places: PayloadPlaces) => StoredPayload;

function readRun(records: LongRecords, record: RunRecord, payloadOf: PayloadOf): RestoredRun {
  const { id } = record;
  const all = (kind: Parameters<typeof keys.ofRun>[0]) => records.under(keys.ofRun(kind, id));
  const list = <Entry>(kind: Parameters<typeof keys.ofRun>[0]) =>
    [...all(kind)].map(({ key, value }) => decodeRecord(key, value).json as Entry);
  return {
    record,
    groups: [...all('group')].map(({ key, value }) => readGroup(payloadOf, id, key, value)),
    settled: new Set([...all('settled')].map(({ key }) => positionOf(key))),
    batches: list<BatchRecord>('batch'),
    done: list<BatchRecord>('done'),
    consumers: list<ConsumerRecord>('consumer'),
    ended: list<EndedRecord>('ended').sort(
      (a, b) => (a.letter?.timeMs ?? 0) - (b.letter?.timeMs ?? 0),
    ),
  };
}

function readGroup(
  payloadOf: PayloadOf,
  runId: string,
  key: string,
  value: Uint8Array,
): RestoredRun['groups'][number] {
  const record = decodeRecord(key, value).json as GroupRecord | Omit<FormerGroup, 'position'>;
  const position = positionOf(key);
  if (!('places' in record)) return { ...record, position };
  const { id, environment, taskKey, rows, ledger, version, arrivedMs } = record;
  const group = {
    ...{ id, runId, environment, taskKey, rows, ledger },
    rewards: record.rewards.map((reward) => reward ?? undefined),
    oldestPolicyVersion: record.oldestPolicyVersion ?? undefined,
    digest: new Uint8Array(Buffer.from(record.digest, 'base64')),
    payload: payloadOf(record.places),
  };
  return { group, position, version, arrivedMs };
}

/** A run as this version writes it: what an older one left out is as it was then. */
function currentRecord(record: RunRecord): RunRecord {
  const { settings, queue } = record as { settings: Partial<RunSettings>; queue?: QueueRecord };
  const former = { overLength: 'truncate', shares: [], admission: { kind: 'off' } } as const;
  return {
    ...record,
    settings: { ...former, ...settings } as RunSettings,
    queue: queue ?? { deficits: {}, unpublished: 0, seen: { groups: 0, units: 0, bytes: 0 } },
  };
}

function positionOf(key: string): number {
  return Number(key.slice(key.lastIndexOf('/') + 1));
}
