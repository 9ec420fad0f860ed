/** What admission weighs. Limits are per run; all of it is known without walking the queue. */
export interface AdmissionState {
  readonly waitingGroups: number;
  readonly waitingBytes: number;
  readonly maxWaitingGroups: number;
  readonly maxWaitingBytes: number;
  /** What a batch needs, in its own unit: no batch takes more groups than this. */
  readonly batchTarget: number;
  /** A batch waits for this group's environment. */
  readonly isAwaited: boolean;
  /** Whether what waits fills a batch; asked only when a limit is met. */
  canCut(): boolean;
}

export type Admission =
  | { readonly kind: 'admitted' }
  | { readonly kind: 'held'; readonly by: 'groups' | 'bytes' | 'uncuttable' };

/**
 * Whether one more group of `bytes` bytes may wait. While the waiting groups do not fill a batch,
 * nothing would ever make room, so up to one batch's worth of further groups is let in past the
 * groups' limit, and so is what a batch waits for; the bytes' limit always holds.
 */
export function admit(state: AdmissionState, bytes: number): Admission {
  if (state.waitingBytes + bytes > state.maxWaitingBytes) {
    return { kind: 'held', by: state.canCut() ? 'bytes' : 'uncuttable' };
  }
  if (state.waitingGroups < state.maxWaitingGroups) return { kind: 'admitted' };
  if (!state.isAwaited && state.canCut()) return { kind: 'held', by: 'groups' };
  return state.waitingGroups < state.maxWaitingGroups + state.batchTarget
    ? { kind: 'admitted' }
    : { kind: 'held', by: 'uncuttable' };
}
