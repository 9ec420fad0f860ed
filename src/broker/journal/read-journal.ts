import type { RestoredAssignment } from '../assignment-book.ts';
import type { RunSettings } from '../broker.ts';
import type { BrokerStore } from '../stores/store.ts';
import { keys } from './keys.ts';
import { decodeRecord } from './record-codec.ts';
import type {
  AssignmentRecord,
  BatchRecord,
  ConsumerRecord,
  GroupRecord,
  QueueRecord,
  RestoredRun,
  RunRecord,
} from './records.ts';
import { StoredPayload } from './stored-payload.ts';

/** Every run of a store, in the order of being opened. */
export function readRuns(store: BrokerStore): readonly RestoredRun[] {
  const runs = [...store.records(keys.runs)].map(({ key, value }) =>
    currentRecord(decodeRecord(key, value).json as RunRecord),
  );
  return runs
    .sort((a, b) => a.openTimeMs - b.openTimeMs || (a.id < b.id ? -1 : 1))
    .map((record) => readRun(store, record));
}

/** Every assignment of a store that has not ended, in the order of being enqueued. */
export function readAssignments(
  store: BrokerStore,
  runs: readonly RestoredRun[],
): readonly RestoredAssignment[] {
  return runs
    .flatMap(({ record: { id: runId } }) =>
      [...store.records(keys.ofRun('assignment', runId))].map(({ key, value }) => {
        const { json, bytes: payload } = decodeRecord(key, value);
        const record = json as AssignmentRecord;
        const { id, environment, priority, groupSize } = record;
        const size = typeof groupSize === 'number' ? { groupSize } : {};
        return { record, assignment: { id, runId, environment, priority, ...size, payload } };
      }),
    )
    .sort((a, b) => a.record.ordinal - b.record.ordinal);
}

function readRun(store: BrokerStore, record: RunRecord): RestoredRun {
  const { id } = record;
  const all = (kind: Parameters<typeof keys.ofRun>[0]) => store.records(keys.ofRun(kind, id));
  const list = <Entry>(kind: Parameters<typeof keys.ofRun>[0]) =>
    [...all(kind)].map(({ key, value }) => decodeRecord(key, value).json as Entry);
  return {
    record,
    groups: [...all('group')].map(({ key, value }) => readGroup(store, id, key, value)),
    settled: new Set([...all('settled')].map(({ key }) => positionOf(key))),
    batches: list<BatchRecord>('batch'),
    done: list<BatchRecord>('done'),
    consumers: list<ConsumerRecord>('consumer'),
    ended: list<{ readonly id: string }>('ended').map((one) => one.id),
  };
}

function readGroup(
  store: BrokerStore,
  runId: string,
  key: string,
  value: Uint8Array,
): RestoredRun['groups'][number] {
  const { json, bytes: header } = decodeRecord(key, value);
  const record = json as GroupRecord | { readonly id: string };
  const position = positionOf(key);
  if (!('payload' in record)) return { id: record.id, position };
  const { id, environment, taskKey, rows, ledger, version, arrivedMs } = record;
  const group = {
    ...{ id, runId, environment, taskKey, rows, ledger, header },
    rewards: record.rewards.map((reward) => reward ?? undefined),
    oldestPolicyVersion: record.oldestPolicyVersion ?? undefined,
    digest: new Uint8Array(Buffer.from(record.digest, 'base64')),
    payload: new StoredPayload(store, record.payload),
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
