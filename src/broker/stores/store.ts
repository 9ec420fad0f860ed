/** Where a payload lies. A plain value that records may hold; its fields mean something to its store alone. */
export interface PayloadRef {
  readonly segment: number;
  /** Of the payload's first byte. */
  readonly offset: number;
  readonly length: number;
  readonly crc32: number;
}

/**
 * A small fact by its key: 1 to 1,024 bytes of UTF-8 without NUL; a value is 1 MiB at most. Under `lost/`
 * a repair of the store names the payloads that it left out.
 */
export interface StoreRecord {
  readonly key: string;
  readonly value: Uint8Array;
}

export interface NewPayload {
  /** Key of the record that will cite it: names the payload wherever it is found damaged. */
  readonly label: string;
  /** Its bytes in order, written untouched. They may not change until the append has settled. */
  readonly chunks: readonly Uint8Array[];
}

/** What happens in one step. Removals come before puts, and citing before releasing. */
export interface StoreChange {
  readonly put?: readonly StoreRecord[];
  /** A key that is not there is no mistake. */
  readonly remove?: readonly string[];
  /** Payloads that live from now on; one that lives already stays so. */
  readonly cites?: readonly PayloadRef[];
  /** Payloads that nobody needs any more, cited before or not. One that is not there (any more) is no mistake. */
  readonly releases?: readonly PayloadRef[];
}

export interface StoreStats {
  /** Files that payloads lie in. */
  readonly segments: number;
  readonly records: number;
  /** Cited ones, and their bytes. */
  readonly payloads: number;
  readonly liveBytes: number;
  /** Held, and cited by nobody: released, not cited yet, headers and labels. */
  readonly garbageBytes: number;
  /** Of appends that have not settled. */
  readonly queuedBytes: number;
  /** Payload bytes taken, and bytes written for them and for records, since it was opened; the index not counted. */
  readonly appendedBytes: number;
  readonly writtenBytes: number;
  readonly freeDiskBytes: number | undefined;
}

/**
 * What a broker keeps so that it outlives its process: payload bytes in a log, and small records by
 * key. Append payloads first, then commit the records that cite them: what was appended and neither
 * cited nor released takes room until the store is opened again.
 *
 * Errors are LachesisErrors: resource_exhausted when the disk or the queue is full, not_found for a
 * payload that is gone, failed_precondition once the store is closed or broken, infrastructure_error
 * when the disk fails.
 */
export interface BrokerStore {
  readonly driver: string;
  /** Whether what was committed outlives the process. */
  readonly durable: boolean;
  readonly maxPayloadBytes: number;

  /**
   * Live records whose key begins with `prefix`, in the order of their keys' UTF-8 bytes. What is
   * committed during the walk may or may not be seen.
   */
  records(prefix: string): Iterable<StoreRecord>;

  /**
   * Resolves once all are kept as durably as records will be, in the order given. Calls under way
   * at one time share one sync of the disk, and settle in one turn: who then decides for all of them
   * and commits once pays for one commit. When `signal` fires it rejects at once, and nothing is
   * left to release. A full queue or disk is resource_exhausted with a pause.
   */
  append(
    payloads: readonly NewPayload[],
    options: { readonly signal: AbortSignal },
  ): Promise<readonly PayloadRef[]>;

  /**
   * All of it or none, and it outlives the process on return. Citing what is not there is a mistake, and
   * changes nothing.
   */
  commit(change: StoreChange): void;

  /**
   * Resolves once all that was committed also outlives the machine's power; to be awaited before the next
   * commit. Rejects when the disk failed, and the store is broken then. A store without it has that
   * when a commit returns.
   */
  synced?(): Promise<void>;

  /**
   * The payload as it was appended, from when that resolved until it is released; checked against its CRC.
   * Rejects with reason PAYLOAD_DAMAGED or PAYLOAD_GONE when that is lost for good, and otherwise when it
   * can't be read for now.
   */
  read(ref: PayloadRef, options: { readonly signal: AbortSignal }): Promise<Uint8Array>;

  stats(): StoreStats;

  /** Waits for appends under way. */
  close(): Promise<void>;
}
