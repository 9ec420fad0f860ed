import { invalidInput } from '../errors.ts';
import type { MetricsRegistry } from '../telemetry/index.ts';
import { type Clock, systemClock } from './clock.ts';

/** Groups that a run may have waiting, where neither it nor the server says otherwise. */
export const DEFAULT_MAX_WAITING_GROUPS = 4_096;

/** What bounds a broker. All are per run, except `maxRuns`. */
export interface BrokerLimits {
  /** Default: 1,000. */
  readonly maxRuns: number;
  /** Of a run that does not set its own; at least a batch's groups. Default: 4,096. */
  readonly maxWaitingGroups: number;
  /** Default: 1 GiB in memory, 1 TiB in a store, whose disk is full before. */
  readonly maxWaitingBytes: number;
  /** Queued or being played. Default: 100,000. */
  readonly maxOpenAssignments: number;
  /**
   * Batches cut and not fully acked. A fan-out consumer that stops acking holds the others back once
   * it is this far behind. Default: 16.
   */
  readonly maxOpenBatches: number;
  /** Default: 64. */
  readonly maxConsumers: number;
  /** Batches that are acked by all and not committed, where a consumer commits. Default: 1,024. */
  readonly maxUncommittedBatches: number;
  /** Bytes of trained and dropped groups kept for `getGroup` and `scanGroups`. Default: 256 MiB. */
  readonly replayBytes: number;
}

export interface MemoryBrokerOptions {
  /** Default: the machine's, which never goes back. */
  readonly clock?: Clock;
  /** How long a worker may play an assignment without extending it. Default: 60,000. */
  readonly assignmentLeaseMs?: number;
  /** How long a trainer may hold a batch without extending it. Default: 120,000. */
  readonly batchLeaseMs?: number;
  /** Times an assignment is leased before it is given up. Default: 5. */
  readonly maxAssignmentAttempts?: number;
  /** The pause that a refused submit is told. Default: 250. */
  readonly retryAfterMs?: number;
  readonly limits?: Partial<BrokerLimits>;
  /** Where its counters go. Default: nowhere. */
  readonly metrics?: MetricsRegistry;
}

export type BrokerConfig = Readonly<
  Required<Omit<MemoryBrokerOptions, 'limits' | 'metrics'>> & {
    limits: Readonly<BrokerLimits>;
    metrics: MetricsRegistry | undefined;
  }
>;

export function resolveBrokerOptions(options: MemoryBrokerOptions): BrokerConfig {
  const config = Object.freeze({
    clock: options.clock ?? systemClock,
    assignmentLeaseMs: options.assignmentLeaseMs ?? 60_000,
    batchLeaseMs: options.batchLeaseMs ?? 120_000,
    maxAssignmentAttempts: options.maxAssignmentAttempts ?? 5,
    retryAfterMs: options.retryAfterMs ?? 250,
    metrics: options.metrics,
    limits: Object.freeze({
      maxRuns: 1_000,
      maxWaitingGroups: DEFAULT_MAX_WAITING_GROUPS,
      maxWaitingBytes: 2 ** 30,
      maxOpenAssignments: 100_000,
      maxOpenBatches: 16,
      maxConsumers: 64,
      maxUncommittedBatches: 1_024,
      replayBytes: 256 * 2 ** 20,
      ...options.limits,
    }),
  });
  const { limits, clock: _, metrics: __, ...times } = config;
  for (const [name, value] of Object.entries({ ...times, ...limits })) {
    if (!(value >= (name === 'replayBytes' || name === 'retryAfterMs' ? 0 : 1))) {
      throw invalidInput(`broker.${name}`, `is ${value}; it must be at least 1.`);
    }
  }
  return config;
}
