/** Why a sandbox was destroyed. */
export type DestroyReason =
  | 'used_up'
  | 'idle'
  | 'too_old'
  | 'evicted'
  | 'unhealthy'
  | 'tainted'
  | 'reset_failed'
  | 'leaked'
  | 'extra'
  | 'drained'
  | 'late';

/** Of one key, now. */
export interface PoolCounts {
  readonly key: string;
  readonly creating: number;
  readonly idle: number;
  readonly leased: number;
  readonly resetting: number;
  readonly closing: number;
  readonly waiting: number;
}

/** Told of what a pool does, for metrics and logs. Must not throw; if it does, it is ignored. */
export interface PoolObserver {
  created?(event: { readonly key: string; readonly id: string; readonly durationMs: number }): void;
  createFailed?(event: { readonly key: string; readonly error: unknown }): void;
  leased?(event: {
    readonly key: string;
    readonly id: string;
    readonly owner: string;
    readonly waitedMs: number;
    readonly earlierUses: number;
  }): void;
  /** A command of a lease was run to its end, whatever that was; `spawn` is not told of. */
  executed?(event: {
    readonly key: string;
    readonly id: string;
    readonly durationMs: number;
  }): void;
  /** A lease was held longer than it said; the sandbox is taken from it. */
  leaked?(event: { readonly key: string; readonly id: string; readonly owner: string }): void;
  reset?(event: { readonly key: string; readonly id: string; readonly durationMs: number }): void;
  /** `detail` says more, such as why a lease was tainted. */
  destroyed?(event: {
    readonly key: string;
    readonly id: string;
    readonly reason: DestroyReason;
    readonly detail: string;
  }): void;
  /** A sandbox that could not be destroyed: its provider may go on charging. `id` is empty where none is known. */
  survived?(event: { readonly key: string; readonly id: string; readonly error: unknown }): void;
  /** Of a wait that ended without a lease: the reason of its error. */
  refused?(event: { readonly key: string; readonly reason: string }): void;
  /** How many sandboxes of a key are in each state, and who waits for one, whenever that changed. */
  counted?(event: PoolCounts): void;
}
