import { checksum } from './checksum.ts';
import { checkChange, checkPayloads, MAX_PAYLOAD_BYTES } from './limits.ts';
import { isSamePayload } from './payload-ref.ts';
import { payloadGone, payloadUnknown, storeClosed, storeFull } from './refusals.ts';
import type {
  BrokerStore,
  NewPayload,
  PayloadRef,
  StoreChange,
  StoreRecord,
  StoreStats,
} from './store.ts';

export interface MemoryStoreOptions {
  /** Default: 64 MiB. */
  readonly maxPayloadBytes?: number;
  /** Of all payloads. Default: 1 GiB. */
  readonly maxBytes?: number;
}

/** A store that is lost with its process. */
export function createMemoryStore(options: MemoryStoreOptions = {}): BrokerStore {
  return new MemoryStore(options);
}

interface HeldPayload {
  readonly ref: PayloadRef;
  readonly bytes: Uint8Array;
  isLive: boolean;
}

class MemoryStore implements BrokerStore {
  readonly driver = 'memory';
  readonly durable = false;
  readonly maxPayloadBytes: number;
  readonly #maxBytes: number;
  readonly #records = new Map<string, Uint8Array>();
  /** By offset: all lie in one segment, and no offset is given twice. */
  readonly #payloads = new Map<number, HeldPayload>();
  #nextOffset = 0;
  #heldBytes = 0;
  #liveBytes = 0;
  #livePayloads = 0;
  #appendedBytes = 0;
  #isClosed = false;

  constructor({ maxPayloadBytes = MAX_PAYLOAD_BYTES, maxBytes = 2 ** 30 }: MemoryStoreOptions) {
    this.maxPayloadBytes = maxPayloadBytes;
    this.#maxBytes = maxBytes;
  }

  *records(prefix: string): Iterable<StoreRecord> {
    this.#assertOpen();
    const found = [...this.#records.keys()].filter((key) => key.startsWith(prefix));
    const inOrder = found
      .map((key) => ({ key, bytes: Buffer.from(key) }))
      .sort((a, b) => Buffer.compare(a.bytes, b.bytes));
    for (const { key } of inOrder) {
      const value = this.#records.get(key);
      if (value !== undefined) yield { key, value: value.slice() };
    }
  }

  async append(
    payloads: readonly NewPayload[],
    { signal }: { readonly signal: AbortSignal },
  ): Promise<readonly PayloadRef[]> {
    this.#assertOpen();
    signal.throwIfAborted();
    const maxQueuedBytes = this.#maxBytes;
    const { maxPayloadBytes } = this;
    const total = checkPayloads(payloads, { maxPayloadBytes, maxQueuedBytes });
    if (this.#heldBytes + total > this.#maxBytes) throw storeFull('payloads in memory', undefined);
    this.#heldBytes += total;
    const held: HeldPayload[] = [];
    try {
      for (const { chunks } of payloads) {
        const bytes = new Uint8Array(Buffer.concat(chunks));
        const crc32 = await checksum([bytes]);
        const ref = { segment: 0, offset: this.#nextOffset, length: bytes.length, crc32 };
        // Also an empty one has a place of its own.
        this.#nextOffset += Math.max(1, bytes.length);
        held.push({ ref, bytes, isLive: false });
      }
      signal.throwIfAborted();
      this.#assertOpen();
    } catch (error) {
      this.#heldBytes -= total;
      throw error;
    }
    for (const payload of held) this.#payloads.set(payload.ref.offset, payload);
    this.#appendedBytes += total;
    return held.map(({ ref }) => ref);
  }

  commit(change: StoreChange): void {
    this.#assertOpen();
    checkChange(change);
    const { put = [], remove = [], cites = [], releases = [] } = change;
    const cited = cites.map((ref, index) => this.#find(ref, `cites[${index}]`));
    const released = new Set(releases.flatMap((ref) => this.#held(ref) ?? []));
    // Nothing below throws: all of it happens, or none.
    for (const key of remove) this.#records.delete(key);
    for (const { key, value } of put) this.#records.set(key, value.slice());
    for (const payload of cited) {
      if (payload.isLive) continue;
      payload.isLive = true;
      this.#livePayloads += 1;
      this.#liveBytes += payload.ref.length;
    }
    for (const { ref, isLive } of released) {
      this.#payloads.delete(ref.offset);
      this.#heldBytes -= ref.length;
      if (!isLive) continue;
      this.#livePayloads -= 1;
      this.#liveBytes -= ref.length;
    }
  }

  async read(ref: PayloadRef, { signal }: { readonly signal: AbortSignal }): Promise<Uint8Array> {
    this.#assertOpen();
    signal.throwIfAborted();
    const held = this.#held(ref);
    if (held === undefined) throw payloadGone(ref);
    return held.bytes.slice();
  }

  stats(): StoreStats {
    return {
      segments: 1,
      records: this.#records.size,
      payloads: this.#livePayloads,
      liveBytes: this.#liveBytes,
      garbageBytes: this.#heldBytes - this.#liveBytes,
      queuedBytes: 0,
      appendedBytes: this.#appendedBytes,
      writtenBytes: 0,
      freeDiskBytes: undefined,
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#records.clear();
    this.#payloads.clear();
  }

  #find(ref: PayloadRef, field: string): HeldPayload {
    const held = this.#held(ref);
    if (held === undefined) throw payloadUnknown(field, ref);
    return held;
  }

  #held(ref: PayloadRef): HeldPayload | undefined {
    const held = this.#payloads.get(ref.offset);
    return held !== undefined && isSamePayload(held.ref, ref) ? held : undefined;
  }

  #assertOpen(): void {
    if (this.#isClosed) throw storeClosed();
  }
}
