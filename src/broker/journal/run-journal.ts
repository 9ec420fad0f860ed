import type { GroupPayload } from '../group-payload.ts';
import type { Journal } from './journal.ts';
import { keys } from './keys.ts';
import { encodeRecord } from './record-codec.ts';
import type {
  AcceptedGroup,
  BatchRecord,
  ConsumerRecord,
  EndedRecord,
  GroupRecord,
  RunRecord,
} from './records.ts';
import { placesOf } from './stored-payload.ts';

/** One run's part of the journal, in its own words. */
export class RunJournal {
  readonly #journal: Journal;
  readonly #runId: string;

  constructor(journal: Journal, runId: string) {
    this.#journal = journal;
    this.#runId = runId;
  }

  run(record: () => RunRecord): void {
    this.#journal.put(keys.run(this.#runId), () => encodeRecord(record()));
  }

  accepted(accepted: AcceptedGroup): void {
    const { group, position } = accepted;
    this.#journal.cite(group.payload);
    this.#journal.put(keys.group(this.#runId, position), () => encodeRecord(groupRecord(accepted)));
  }

  /**
   * A batch that was cut, and its run with it. Nobody has it yet: until somebody is handed it, or something
   * else is written, a crash may take it back, and its groups wait as before.
   */
  cut(step: number, batch: () => BatchRecord): void {
    this.#journal.putLater(keys.batch(this.#runId, step), () => encodeRecord(batch()));
  }

  /** As {@link run}, with the next that is written. */
  runLater(record: () => RunRecord): void {
    this.#journal.putLater(keys.run(this.#runId), () => encodeRecord(record()));
  }

  /** Trained, or dropped. */
  settled(position: number): void {
    this.#journal.put(keys.settled(this.#runId, position), () => encodeRecord({}));
  }

  /** It is in an open batch again. */
  unsettled(position: number): void {
    this.#journal.remove(keys.settled(this.#runId, position));
  }

  /** Its bytes are let go; its id stays known. */
  letGo({ id, position, payload }: { id: string; position: number; payload: GroupPayload }): void {
    this.#journal.release(payload);
    this.#journal.remove(keys.settled(this.#runId, position));
    this.#journal.put(keys.group(this.#runId, position), () => encodeRecord({ id }));
  }

  /** As {@link letGo}, and its id is forgotten: only its place is kept. */
  lost({ id, position, payload }: { id: string; position: number; payload: GroupPayload }): void {
    this.#journal.release(payload);
    this.#journal.put(keys.group(this.#runId, position), () => encodeRecord({ id, isLost: true }));
  }

  batch(step: number, record: () => BatchRecord): void {
    this.#journal.put(keys.batch(this.#runId, step), () => encodeRecord(record()));
  }

  batchGone(step: number): void {
    this.#journal.remove(keys.batch(this.#runId, step));
  }

  batchDone(step: number, record: BatchRecord): void {
    this.#journal.remove(keys.batch(this.#runId, step));
    this.#journal.put(keys.done(this.#runId, step), () => encodeRecord(record));
  }

  doneForgotten(step: number): void {
    this.#journal.remove(keys.done(this.#runId, step));
  }

  /** The run is forgotten, and all that belongs to it. */
  forget(payloads: Iterable<GroupPayload>): void {
    for (const payload of payloads) this.#journal.release(payload);
    for (const kind of [
      'group',
      'settled',
      'batch',
      'done',
      'consumer',
      'ended',
      'assignment',
    ] as const) {
      this.#journal.removeUnder(keys.ofRun(kind, this.#runId));
    }
    this.#journal.remove(keys.run(this.#runId));
  }

  consumer({ id, mode, worldSize, goneAtStep }: ConsumerRecord): void {
    const record = { id, mode, worldSize, ...(goneAtStep !== undefined && { goneAtStep }) };
    this.#journal.put(keys.consumer(this.#runId, id), () => encodeRecord(record));
  }

  /** Nothing of it is remembered. */
  consumerGone(id: string): void {
    this.#journal.remove(keys.consumer(this.#runId, id));
  }

  assignmentEnded(record: EndedRecord): void {
    this.#journal.put(keys.ended(this.#runId, record.id), () => encodeRecord(record));
  }

  endedForgotten(id: string): void {
    this.#journal.remove(keys.ended(this.#runId, id));
  }
}

function groupRecord({ group, version, arrivedMs }: AcceptedGroup): GroupRecord {
  const { id, environment, taskKey, rows, ledger } = group;
  return {
    ...{ id, environment, taskKey, rows, ledger, version, arrivedMs },
    rewards: group.rewards.map((reward) => reward ?? null),
    oldestPolicyVersion: group.oldestPolicyVersion ?? null,
    digest: Buffer.from(group.digest).toString('base64'),
    places: placesOf(group.payload),
  };
}
