import { invalidInput } from '../../../errors.ts';
import { MAX_PAYLOAD_BYTES, MAX_QUEUED_BYTES } from '../limits.ts';
import type { Durability } from './store-index.ts';

export interface FilesStoreOptions {
  /**
   * What outlives what. `commit`: all that was committed outlives the machine's power. `os`: it
   * outlives the process, and the power may take the newest of it; `none` asks the disk for nothing
   * at all. Default: commit.
   */
  readonly durability?: Durability;
  /** A new segment file begins at about this size. Default: 256 MiB. */
  readonly segmentBytes?: number;
  /** Default: 64 MiB. */
  readonly maxPayloadBytes?: number;
  /** Of appends that have not settled. Default: 128 MiB. */
  readonly maxQueuedBytes?: number;
  /** The commit log is written anew once it is longer than this, and than three times what it says. Default: 16 MiB. */
  readonly logBytes?: number;
  /** With less than this free on its disk it takes no payloads, so that records still find room. Default: 64 MiB. */
  readonly reserveBytes?: number;
}

export type FilesStoreConfig = Readonly<Required<FilesStoreOptions>>;

export function resolveFilesStoreOptions(options: FilesStoreOptions): FilesStoreConfig {
  const config = Object.freeze({
    durability: options.durability ?? 'commit',
    segmentBytes: options.segmentBytes ?? 256 * 2 ** 20,
    maxPayloadBytes: options.maxPayloadBytes ?? MAX_PAYLOAD_BYTES,
    maxQueuedBytes: options.maxQueuedBytes ?? MAX_QUEUED_BYTES,
    logBytes: options.logBytes ?? 16 * 2 ** 20,
    reserveBytes: options.reserveBytes ?? 64 * 2 ** 20,
  });
  const { durability, ...sizes } = config;
  if (!['commit', 'os', 'none'].includes(durability)) {
    throw invalidInput('store.durability', `is "${durability}"; it may be commit, os or none.`);
  }
  for (const [name, bytes] of Object.entries(sizes)) {
    if (Number.isSafeInteger(bytes) && bytes >= (name === 'reserveBytes' ? 0 : 1)) continue;
    throw invalidInput(`store.${name}`, `is ${bytes}; it must be a whole number of at least 1.`);
  }
  // A record says its length in 32 bits.
  if (config.maxPayloadBytes > 2 ** 31) {
    throw invalidInput('store.maxPayloadBytes', `is ${config.maxPayloadBytes}; 2 GiB is the most.`);
  }
  if (config.maxQueuedBytes < config.maxPayloadBytes) {
    throw invalidInput('store.maxQueuedBytes', 'is less than maxPayloadBytes.');
  }
  return config;
}
