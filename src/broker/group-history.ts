import type { StoredGroup } from './broker.ts';
import type { GroupPayload } from './group-payload.ts';
import type { RunJournal } from './journal/run-journal.ts';
import { LinkedList, type LinkedNode } from './linked-list.ts';

interface Entry {
  readonly id: string;
  readonly position: number;
  /** Undefined once its bytes were let go. */
  group: StoredGroup | undefined;
  /** Among those that nothing but replay needs. */
  seat: LinkedNode<Entry> | undefined;
}

/**
 * Every group that a run accepted, in submit order. Ids are remembered for as long as the run is,
 * so no group is ever stored twice; bytes of those that are settled (trained or dropped) are kept up
 * to `replayBytes`, and those settled longest ago go first.
 */
export class GroupHistory {
  readonly #replayBytes: number;
  readonly #journal: RunJournal;
  readonly #entries: Entry[] = [];
  readonly #byId = new Map<string, Entry>();
  readonly #settled = new LinkedList<Entry>();
  #settledBytes = 0;

  constructor(replayBytes: number, journal: RunJournal) {
    this.#replayBytes = replayBytes;
    this.#journal = journal;
  }

  get newestPosition(): number {
    return this.#entries.length;
  }

  /** Undefined when it never came. */
  positionOf(id: string): number | undefined {
    return this.#byId.get(id)?.position;
  }

  /** Returns its position, from 1. The id must be new. */
  add(group: StoredGroup): number {
    const position = this.#entries.length + 1;
    const entry: Entry = { id: group.id, position, group, seat: undefined };
    this.#entries.push(entry);
    this.#byId.set(entry.id, entry);
    return entry.position;
  }

  /** Nothing but replay needs it any more. */
  settle(id: string): void {
    const entry = this.#byId.get(id);
    if (entry?.group === undefined || entry.seat !== undefined) return;
    this.#journal.settled(entry.position);
    this.#settle(entry, entry.group);
  }

  settleAt(position: number): void {
    const entry = this.#entries[position - 1];
    if (entry !== undefined) this.settle(entry.id);
  }

  /**
   * Its bytes are damaged, and nobody ever had them: its place is kept, and its id is free, for
   * whoever still has the group.
   */
  lose(id: string): void {
    const entry = this.#byId.get(id);
    if (entry?.group === undefined || entry.seat !== undefined) return;
    const { payload } = entry.group;
    entry.group = undefined;
    this.#byId.delete(id);
    this.#journal.lost({ id, position: entry.position, payload });
  }

  /** It is in an open batch again. */
  unsettle(id: string): void {
    const entry = this.#byId.get(id);
    if (entry?.group === undefined || entry.seat === undefined) return;
    this.#settled.remove(entry.seat);
    this.#settledBytes -= entry.group.payload.byteLength;
    entry.seat = undefined;
    this.#journal.unsettled(entry.position);
  }

  unsettleAt(position: number): void {
    const entry = this.#entries[position - 1];
    if (entry !== undefined) this.unsettle(entry.id);
  }

  /** Undefined for one whose bytes were let go. */
  at(position: number): StoredGroup | undefined {
    return this.#entries[position - 1]?.group;
  }

  /** Puts back what a journal has, in its order; `isSettled` for what was trained or dropped. */
  restore(
    { id, position, isLost }: Pick<Entry, 'id' | 'position'> & { readonly isLost?: boolean },
    group: StoredGroup | undefined,
    isSettled: boolean,
  ): void {
    const entry: Entry = { id, position, group, seat: undefined };
    this.#entries.push(entry);
    if (isLost !== true) this.#byId.set(id, entry);
    if (isSettled && group !== undefined) this.#settle(entry, group);
  }

  #settle(entry: Entry, group: StoredGroup): void {
    entry.seat = this.#settled.push(entry);
    this.#settledBytes += group.payload.byteLength;
    while (this.#settledBytes > this.#replayBytes) {
      const oldest = this.#settled.first!;
      this.#settled.remove(oldest);
      const { id, position, group: old } = oldest.value;
      this.#settledBytes -= old!.payload.byteLength;
      oldest.value.group = undefined;
      oldest.value.seat = undefined;
      this.#journal.letGo({ id, position, payload: old!.payload });
    }
  }

  /** Of the groups that are kept. */
  *payloads(): Generator<GroupPayload> {
    for (const { group } of this.#entries) if (group !== undefined) yield group.payload;
  }

  get(id: string): StoredGroup | 'unknown' | 'let_go' {
    const entry = this.#byId.get(id);
    return entry === undefined ? 'unknown' : (entry.group ?? 'let_go');
  }

  /** The first kept one after `position`, up to `last`. One that is known to be damaged is passed over. */
  next(
    position: number,
    last: number,
  ): { readonly position: number; readonly group: StoredGroup } | undefined {
    for (let index = Math.max(position, 0); index < last; index += 1) {
      const { group, position: at = 0 } = this.#entries[index] ?? {};
      if (group !== undefined && group.payload.state !== 'damaged') return { position: at, group };
    }
    return undefined;
  }
}
