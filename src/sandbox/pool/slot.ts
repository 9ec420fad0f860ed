import type { Sandbox } from '../contract/sandbox.ts';
import type { SandboxSpec } from '../contract/spec.ts';
import { Breaker } from './breaker.ts';
import type { PoolCounts } from './observer.ts';
import type { PoolLease } from './pool-lease.ts';

export type SlotState = 'idle' | 'leased' | 'resetting' | 'closing';

/** One sandbox of the pool. */
export interface Slot {
  readonly key: KeyState;
  readonly sandbox: Sandbox;
  /** Ended after one lease, beyond the pool's own limit. */
  readonly isExtra: boolean;
  /** What a reset must bring it back to. */
  readonly baseline: string | undefined;
  readonly bornMs: number;
  /** When it is too old to be kept: not all that were made together end together. */
  readonly staleMs: number;
  state: SlotState;
  uses: number;
  idleSinceMs: number;
  /** When it was last known to work. */
  checkedMs: number;
  lease: PoolLease | undefined;
  callOffLeak: (() => void) | undefined;
}

/** What a pool knows of one key. Counts include extra sandboxes unless they say otherwise. */
export class KeyState {
  readonly key: string;
  readonly spec: SandboxSpec;
  readonly breaker: Breaker;
  /** The longest idle first. */
  readonly idle: Slot[] = [];
  minIdle = 0;
  creating = 0;
  leased = 0;
  resetting = 0;
  closing = 0;
  /** Those of `creating` and `closing`, and those in any state, that are extra ones. */
  readonly extra = { creating: 0, closing: 0, total: 0 };
  waiting = 0;
  created = 0;
  reused = 0;

  constructor(key: string, spec: SandboxSpec, random: () => number) {
    this.key = key;
    this.spec = spec;
    this.breaker = new Breaker(random);
  }

  get total(): number {
    return this.creating + this.idle.length + this.leased + this.resetting + this.closing;
  }

  get isUnused(): boolean {
    return this.total === 0 && this.waiting === 0 && this.minIdle === 0;
  }

  count(state: 'creating' | SlotState, by: 1 | -1, isExtra: boolean): void {
    if (state !== 'idle') this[state] += by;
    if (!isExtra) return;
    this.extra.total += by;
    if (state === 'creating' || state === 'closing') this.extra[state] += by;
  }

  counts(): PoolCounts {
    const { key, creating, idle, leased, resetting, closing, waiting } = this;
    return { key, creating, idle: idle.length, leased, resetting, closing, waiting };
  }
}

/** Who waits for a sandbox. */
export interface Waiter {
  readonly key: KeyState;
  readonly owner: string;
  readonly holdMs: number;
  readonly sinceMs: number;
  /** Over all waiters, in order of arrival. */
  readonly number: number;
  /** Fires when nobody waits any more. */
  readonly signal: AbortSignal;
  readonly resolve: (lease: PoolLease) => void;
  readonly reject: (error: unknown) => void;
}
