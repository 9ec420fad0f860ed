import type { Sandbox } from '../contract/sandbox.ts';

/**
 * An exclusive, expiring right to one sandbox. All its methods throw `failed_precondition` (LEASE_RELEASED)
 * once it was given back; giving it back twice is giving it back once.
 */
export interface SandboxLease
  extends Omit<Sandbox, 'terminate' | 'snapshot' | 'setNetwork' | 'endpoint'>,
    AsyncDisposable {
  /** Of this lease: 128 random bits in hex, and in no other lease of any server. */
  readonly leaseId: string;
  /** How often the sandbox was leased before; 0 for a fresh one. */
  readonly earlierUses: number;
  /** Says that the sandbox must not be used again. The first reason is kept. */
  taint(reason: string): void;
  /** Resolves when the sandbox is another's to have, or is gone. */
  release(): Promise<void>;
}

export interface AcquireRequest {
  /** Who will have it, such as a rollout's id; for reports of leaks, never part of a path. */
  readonly owner: string;
  /** Default: 60 s. */
  readonly timeoutMs?: number;
  /** It is tainted and reported as leaked when it is held this long after that. Default: 15 minutes. */
  readonly holdMs?: number;
  /**
   * One that nobody used before, made for this lease beyond `maxTotal` (within `maxExtra`) and ended with it:
   * for who already holds one, and must not wait for others that do.
   */
  readonly extra?: boolean;
  readonly signal?: AbortSignal;
}
