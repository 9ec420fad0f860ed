import type { SamplingParameters } from '../messages.ts';
import type { Task } from './task.ts';

/** An order to play one task n times. Its group has the assignment's id, whatever the attempt. */
export interface Assignment {
  readonly id: string;
  /** Empty for play outside of any run. */
  readonly runId: string;
  readonly environment: string;
  readonly task:
    | { readonly kind: 'key'; readonly key: string }
    | { readonly kind: 'given'; readonly task: Task };
  /** At least 1. */
  readonly groupSize: number;
  readonly sampling: SamplingParameters;
  readonly limits: { readonly maxTurns?: number; readonly timeoutMs?: number };
  readonly seed?: number;
}
