import type {
  BrokerStore,
  PayloadRef,
  StoreChange,
  StoreRecord,
  StoreStats,
} from '../../../src/broker/index.ts';
import { payloadDamaged } from '../../../src/broker/stores/refusals.ts';

/** The plainest store: maps that outlive whoever uses them. */
export class MapStore implements BrokerStore {
  readonly driver = 'map';
  readonly durable = true;
  readonly maxPayloadBytes = 2 ** 26;
  readonly records_ = new Map<string, Uint8Array>();
  readonly payloads = new Map<number, Uint8Array>();
  readonly live = new Set<number>();
  readonly damaged = new Set<number>();
  next = 1;

  /** The same store, for a broker that comes after one that died. */
  reopened(): BrokerStore {
    return this;
  }

  *records(prefix: string): Generator<StoreRecord> {
    for (const key of [...this.records_.keys()].sort()) {
      if (key.startsWith(prefix)) yield { key, value: this.records_.get(key)! };
    }
  }

  async append(payloads: Parameters<BrokerStore['append']>[0]): Promise<readonly PayloadRef[]> {
    return payloads.map(({ chunks }) => {
      const offset = this.next++;
      const bytes = new Uint8Array(Buffer.concat(chunks));
      this.payloads.set(offset, bytes);
      return { segment: 0, offset, length: bytes.length, crc32: 0 };
    });
  }

  commit({ put = [], remove = [], cites = [], releases = [] }: StoreChange): void {
    for (const { key, value } of put) this.records_.set(key, value.slice());
    for (const key of remove) this.records_.delete(key);
    for (const { offset } of cites) this.live.add(offset);
    for (const { offset } of releases) {
      this.live.delete(offset);
      this.payloads.delete(offset);
    }
  }

  /** The payloads that are this text, as far as it was put there until now, are no more what was written. */
  damage(text: string): void {
    const wanted = Buffer.from(text);
    for (const [offset, bytes] of this.payloads) {
      if (wanted.equals(bytes)) this.damaged.add(offset);
    }
  }

  async read(ref: PayloadRef): Promise<Uint8Array> {
    const { offset } = ref;
    if (this.damaged.has(offset)) throw payloadDamaged('map', ref);
    const bytes = this.payloads.get(offset);
    if (bytes === undefined) throw new Error(`nothing lies at ${offset}`);
    return bytes;
  }

  stats(): StoreStats {
    return {
      segments: 1,
      records: this.records_.size,
      payloads: this.live.size,
      ...{ liveBytes: 0, garbageBytes: 0, queuedBytes: 0, appendedBytes: 0, writtenBytes: 0 },
      freeDiskBytes: undefined,
    };
  }

  async close(): Promise<void> {}
}
