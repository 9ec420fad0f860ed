import { onAbort } from '../../../async/index.ts';
import type { LachesisError } from '../../../errors.ts';
import { checksum } from '../checksum.ts';
import { storeBusy } from '../refusals.ts';
import type { NewPayload, PayloadRef } from '../store.ts';
import type { Citation } from './logged-change.ts';
import { encodeRecordHead } from './segment-format.ts';
import type { PreparedPayload } from './segment-log.ts';

/** What one round writes at most, where one append is not more by itself. */
const ROUND_BYTES = 32 * 2 ** 20;

export interface AppendQueueOptions {
  readonly maxQueuedBytes: number;
  /** Writes a round; one at a time. */
  readonly write: (payloads: readonly PreparedPayload[]) => Promise<readonly Citation[]>;
  /** Is told of each payload that somebody was given. */
  readonly onAppended: (citation: Citation) => void;
}

interface Entry {
  readonly payloads: readonly PreparedPayload[];
  readonly bytes: number;
  readonly settled: PromiseWithResolvers<readonly PayloadRef[]>;
  /** Nobody waits any more. */
  isAbandoned: boolean;
}

/** Appends from many, written in rounds: whatever came while one round was under way makes the next. */
export class AppendQueue {
  readonly #options: AppendQueueOptions;
  #waiting: Entry[] = [];
  #heldBytes = 0;
  #running: Promise<void> | undefined;
  readonly #open = new Set<Promise<unknown>>();
  appendedBytes = 0;

  constructor(options: AppendQueueOptions) {
    this.#options = options;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  async append(
    payloads: readonly NewPayload[],
    bytes: number,
    signal: AbortSignal,
  ): Promise<readonly PayloadRef[]> {
    const work = this.#append(payloads, bytes, signal);
    this.#open.add(work);
    try {
      return await work;
    } finally {
      this.#open.delete(work);
    }
  }

  /** Resolves when nothing is under way. */
  async drained(): Promise<void> {
    while (this.#open.size > 0 || this.#running !== undefined) {
      await Promise.allSettled([...this.#open, this.#running]);
    }
  }

  async #append(
    payloads: readonly NewPayload[],
    bytes: number,
    signal: AbortSignal,
  ): Promise<readonly PayloadRef[]> {
    const { maxQueuedBytes } = this.#options;
    if (this.#heldBytes > 0 && this.#heldBytes + bytes > maxQueuedBytes) {
      throw storeBusy(maxQueuedBytes);
    }
    this.#heldBytes += bytes;
    const entry: Entry = {
      payloads: await Promise.all(payloads.map(prepare)),
      bytes,
      settled: Promise.withResolvers(),
      isAbandoned: false,
    };
    if (signal.aborted) {
      this.#heldBytes -= bytes;
      throw signal.reason;
    }
    this.#waiting.push(entry);
    const unfollow = onAbort(signal, () => this.#abandon(entry, signal.reason));
    this.#running ??= this.#run();
    try {
      return await entry.settled.promise;
    } finally {
      unfollow();
    }
  }

  async #run(): Promise<void> {
    try {
      for (let round = this.#take(); round.length > 0; round = this.#take()) {
        await this.#write(round);
      }
    } finally {
      this.#running = undefined;
    }
  }

  #take(): readonly Entry[] {
    let bytes = 0;
    let count = 0;
    for (const entry of this.#waiting) {
      if (count > 0 && bytes + entry.bytes > ROUND_BYTES) break;
      bytes += entry.bytes;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  async #write(round: readonly Entry[]): Promise<void> {
    try {
      const citations = await this.#options.write(round.flatMap(({ payloads }) => payloads));
      let at = 0;
      for (const entry of round) {
        const own = citations.slice(at, at + entry.payloads.length);
        at += own.length;
        if (entry.isAbandoned) continue;
        this.appendedBytes += entry.bytes;
        for (const citation of own) this.#options.onAppended(citation);
        entry.settled.resolve(own.map(refOf));
      }
    } catch (error) {
      for (const { settled } of round) settled.reject(error as LachesisError);
    } finally {
      for (const { bytes } of round) this.#heldBytes -= bytes;
    }
  }

  /** What is being written already goes on, and is garbage then. */
  #abandon(entry: Entry, reason: unknown): void {
    entry.isAbandoned = true;
    entry.settled.reject(reason);
    const at = this.#waiting.indexOf(entry);
    if (at < 0) return;
    this.#waiting.splice(at, 1);
    this.#heldBytes -= entry.bytes;
  }
}

async function prepare({ label, chunks }: NewPayload): Promise<PreparedPayload> {
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const crc32 = await checksum(chunks);
  return { label, chunks, length, crc32, head: encodeRecordHead(label, { length, crc32 }) };
}

function refOf({ segment, offset, length, crc32 }: Citation): PayloadRef {
  return Object.freeze({ segment, offset, length, crc32 });
}
