import type { SandboxBackend } from '../contract/backend.ts';
import type { SandboxSpec } from '../contract/spec.ts';
import type { AcquireRequest, SandboxLease } from './lease.ts';

/** Sandboxes of one backend, kept warm by what they are made of and never by who uses them. */
export interface SandboxPool extends AsyncDisposable {
  readonly backend: SandboxBackend;
  /**
   * Waits for a sandbox of this spec. Rejects with `deadline_exceeded` (ACQUIRE_TIMEOUT, its cause the last
   * error of making one), `resource_exhausted` (POOL_QUEUE_FULL), `failed_precondition` (POOL_CLOSED), an
   * `invalid_input` of the spec, or the signal's reason.
   */
  acquire(spec: SandboxSpec, request: AcquireRequest): Promise<SandboxLease>;
  /** Keeps this many idle ones of the spec from now on; 0 ends that. */
  keepWarm(spec: SandboxSpec, count: number): void;
  stats(): PoolStats;
  /** Leases no more, waits for the leases out, and ends every sandbox. Idempotent. */
  drain(options?: { readonly graceMs?: number }): Promise<DrainReport>;
}

export interface PoolStats {
  readonly creating: number;
  readonly idle: number;
  readonly leased: number;
  readonly resetting: number;
  readonly closing: number;
  readonly waiting: number;
  readonly byKey: readonly PoolKeyStats[];
}

export interface PoolKeyStats extends Omit<PoolStats, 'byKey'> {
  readonly key: string;
  readonly created: number;
  readonly reused: number;
}

export interface DrainReport {
  /** Leases that were out when the grace ended, with who had them. */
  readonly forced: readonly { readonly leaseId: string; readonly owner: string }[];
  /** Sandboxes that could not be ended, with why. */
  readonly survivors: readonly { readonly id: string; readonly error: string }[];
}
