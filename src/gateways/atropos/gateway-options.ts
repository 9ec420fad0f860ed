import { availableParallelism } from 'node:os';
import {
  type Broker,
  type Clock,
  DEFAULT_MAX_WAITING_GROUPS,
  systemClock,
} from '../../broker/index.ts';
import { invalidInput } from '../../errors.ts';
import { type Logger, type MetricsRegistry, silentLogger } from '../../telemetry/index.ts';

import { type GatewayMetrics, gatewayMetrics } from './gateway-metrics.ts';

/** What bounds a gateway. */
export interface AtroposLimits {
  /** Largest request body, before and after decompression. Default: 64 MiB. */
  readonly maxBodyBytes: number;
  /** Lists, objects and keys of a body. Default: 2,000,000. */
  readonly maxBodyParts: number;
  /** Bodies and groups beyond it are read and written in threads. Default: 256 KiB. */
  readonly maxInlineBytes: number;
  /** That read bodies; one more writes batches. Default: one less than there are cores, from 1 to 4. */
  readonly maxThreads: number;
  /** Heap of a thread, which holds a parsed body several times. Default: 1,024. */
  readonly maxThreadMb: number;
  /** How long a body or a group may take there. Default: 60 s. */
  readonly threadTimeoutMs: number;
  /** Sequences of one push. Default: 65,536. */
  readonly maxPushSequences: number;
  /** Of all bodies that are being read or wait for room. Default: 512 MiB. */
  readonly maxBufferedBytes: number;
  /** Of a run that `/register` opens. Default: 4,096. */
  readonly maxWaitingGroups: number;
  /** How long a push waits for room in the queue before it is answered with 503. Default: 4 minutes. */
  readonly pushWaitMs: number;
  /** Sequences that are kept for a run that no trainer has opened yet. Default: 4,096. */
  readonly maxEarlySequences: number;
  /** How long an environment counts as alive after its last call. Default: 30 s. */
  readonly environmentLeaseMs: number;
  /** Default: 1,024. */
  readonly maxEnvironments: number;
  /** Answers of /batch being written at once; more are told null. Default: 8. */
  readonly maxBatchesInWriting: number;
  /** How long the reader of an answer may stand still. Default: 60 s. */
  readonly writeStallMs: number;
  /** How long a connection stays open and quiet after a batch until that counts as read. Default: 1 s. */
  readonly quietMs: number;
}

export interface AtroposOptions {
  readonly broker: Broker;
  /** The run that it serves. Default: `atropos`. */
  readonly runId?: string;
  /** Default: 0, a free one. It listens on 127.0.0.1 and nowhere else: Atropos has no credentials. */
  readonly port?: number;
  /** Where what trainers and environments said of themselves is kept for the next start. Default: nowhere. */
  readonly sessionFile?: string;
  /** Called when groups came or went, so that more can be played. Default: nobody. */
  readonly onChange?: (runId: string) => void;
  readonly limits?: Partial<AtroposLimits>;
  readonly clock?: Clock;
  readonly logger?: Logger;
  /** Where its counters go. Default: nowhere. */
  readonly metrics?: MetricsRegistry;
}

export type AtroposConfig = Readonly<Required<Omit<AtroposOptions, 'limits' | 'metrics'>>> & {
  readonly limits: AtroposLimits;
  readonly metrics: GatewayMetrics;
};

const MIB = 1_048_576;

export function resolveAtroposOptions(options: AtroposOptions): AtroposConfig {
  const config: AtroposConfig = Object.freeze({
    broker: options.broker,
    runId: options.runId ?? 'atropos',
    port: options.port ?? 0,
    sessionFile: options.sessionFile ?? '',
    onChange: options.onChange ?? (() => {}),
    clock: options.clock ?? systemClock,
    logger: options.logger ?? silentLogger,
    metrics: gatewayMetrics(options.metrics),
    limits: Object.freeze({
      maxBodyBytes: 64 * MIB,
      maxBodyParts: 2_000_000,
      maxInlineBytes: 262_144,
      maxThreads: Math.min(4, Math.max(1, availableParallelism() - 1)),
      maxThreadMb: 1_024,
      threadTimeoutMs: 60_000,
      maxPushSequences: 65_536,
      maxBufferedBytes: 512 * MIB,
      maxWaitingGroups: DEFAULT_MAX_WAITING_GROUPS,
      pushWaitMs: 240_000,
      maxEarlySequences: 4_096,
      environmentLeaseMs: 30_000,
      maxEnvironments: 1_024,
      maxBatchesInWriting: 8,
      writeStallMs: 60_000,
      quietMs: 1_000,
      ...options.limits,
    }),
  });
  for (const [name, value] of Object.entries(config.limits)) {
    if (!(value >= 0)) throw invalidInput(`atropos.${name}`, `is ${value}; it must be 0 or more.`);
  }
  return config;
}
