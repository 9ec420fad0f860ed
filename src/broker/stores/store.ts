/** Where a payload lies. A plain value, which records may hold. */
export interface PayloadRef {
  readonly segment: number;
  readonly offset: number;
  readonly length: number;
  readonly crc32: number;
}

export interface StoreRecord {
  readonly key: string;
  readonly value: Uint8Array;
}

export interface StoreChange {
  readonly put?: readonly StoreRecord[];
  readonly remove?: readonly string[];
  /** Payloads that live from now on. */
  readonly cites?: readonly PayloadRef[];
  /** Payloads that nobody needs any more. */
  readonly releases?: readonly PayloadRef[];
}

/** What a broker keeps so that it outlives its process: payload bytes in a log, and small records by key. */
export interface BrokerStore {
  readonly driver: string;
  readonly durable: boolean;
  readonly maxPayloadBytes: number;
  /** Live records whose key begins with `prefix`, in key order. */
  records(prefix: string): Iterable<StoreRecord>;
  append(
    payloads: readonly { readonly label: string; readonly chunks: readonly Uint8Array[] }[],
    options: { readonly signal: AbortSignal },
  ): Promise<readonly PayloadRef[]>;
  /** All of it or none, durable on return. */
  commit(change: StoreChange): void;
  read(ref: PayloadRef, options: { readonly signal: AbortSignal }): Promise<Uint8Array>;
  close(): Promise<void>;
}
