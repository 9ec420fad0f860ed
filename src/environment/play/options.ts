import type { GroupPolicy, RolloutProgress, Task } from '../../contract/index.ts';
import type { SamplingParameters } from '../../messages.ts';
import type { ModelServer } from '../../models/index.ts';
import type { ToolHandler } from '../../tools/index.ts';
import type { HostedEnvironment } from '../environment.ts';

/** What playing a rollout needs, apart from which one it is. */
export interface PlayOptions {
  readonly environment: HostedEnvironment;
  readonly modelServer: ModelServer;
  /** The run that it is played for. Default: empty, for none. */
  readonly runId?: string;
  /** Replaces the environment's own `handleFunctionCall`. */
  readonly toolHandler?: ToolHandler;
  /** On top of the environment's own. */
  readonly limits?: { readonly maxTurns?: number; readonly timeoutMs?: number };
  /** On top of the environment's own. */
  readonly sampling?: SamplingParameters;
  /** Makes the environment's randomness repeatable; rollouts of a group still differ. */
  readonly seed?: number;
  /** Settles the rollouts' tokens. Default: `strict`, with no limit on a row. */
  readonly policy?: GroupPolicy;
  /** Asked at every model call. Default: 0. */
  readonly announcedVersion?: () => number;
  readonly workerId?: string;
  /** Where tools run, for the provenance, unless a sandbox was given. Default: `none` without tools, else `in_process`. */
  readonly isolation?: string;
  /** Told of every rollout's start, turns and one end. Must not throw; if it does, it is ignored. */
  readonly onProgress?: (event: RolloutProgress) => void;
  /** Told of what went wrong and changes no outcome, such as a broken teardown. */
  readonly onWarning?: (message: string) => void;
  /** Milliseconds since the Unix epoch. Default: the system's clock. */
  readonly now?: () => number;
  readonly signal: AbortSignal;
}

/** Which rollout is played. */
export interface RolloutIdentity {
  readonly rolloutId: string;
  /** Empty for none. */
  readonly groupId: string;
  /** Place in the group, from 0. */
  readonly index: number;
  readonly task: Task;
}

/** Where an environment's tools run unless whoever plays it says so: its sandboxes, or else this process. */
export function defaultIsolation({
  definition: { tools = [], sandbox },
  sandboxes,
}: Pick<HostedEnvironment, 'definition' | 'sandboxes'>): string {
  if (sandbox !== undefined && sandboxes !== undefined) {
    return sandboxes.backend.capabilities.isolation;
  }
  return tools.length > 0 ? 'in_process' : 'none';
}
