import type { Limiter } from '../async/index.ts';
import type { Assignment, Group, GroupPolicy, RolloutProgress, Task } from '../contract/index.ts';
import { NO_RUN_POLICY, rolloutIdsOf, taskKeyOf } from '../contract/index.ts';
import { failedRollout, type HostedEnvironment, playGroup } from '../environment/index.ts';
import { LachesisError } from '../errors.ts';
import type { ModelServer } from '../models/index.ts';
import type { ToolHandler } from '../tools/index.ts';

export interface PlayAssignmentOptions {
  readonly environment: HostedEnvironment;
  readonly modelServer: ModelServer;
  /** Replaces the environment's own `handleFunctionCall`. */
  readonly toolHandler?: ToolHandler;
  /** Default: `strict`, failed rollouts dropped. */
  readonly policy?: GroupPolicy;
  readonly workerId?: string;
  readonly isolation?: string;
  /** Default: 0. */
  readonly announcedVersion?: () => number;
  readonly onProgress?: (event: RolloutProgress) => void;
  readonly onWarning?: (message: string) => void;
  /** Told of the tasks that the environment wants to be played next. */
  readonly onBacklog?: (tasks: readonly Task[]) => void;
  /** From 1. Default: 1. */
  readonly attempt?: number;
  /** Bounds the rollouts in flight over all groups that share it. */
  readonly limiter?: Limiter;
  readonly rolloutSignal?: (rolloutId: string) => AbortSignal | undefined;
  readonly now?: () => number;
  readonly signal: AbortSignal;
}

/**
 * Plays one assignment. Never rejects: the group has `groupSize` rollouts, each of which said
 * `started` and `finished` once, also when the task does not exist or everything was cancelled.
 */
export async function playAssignment(
  assignment: Assignment,
  options: PlayAssignmentOptions,
): Promise<Group> {
  const { sampling, limits, seed } = assignment;
  const play = {
    ...options,
    sampling,
    limits,
    ...(seed === undefined ? {} : { seed }),
  };
  let task: Task;
  try {
    task = await taskOf(assignment, options.environment);
  } catch (error) {
    return unplayedGroup(assignment, play, error);
  }
  return playGroup({
    ...play,
    groupId: assignment.id,
    runId: assignment.runId,
    groupSize: assignment.groupSize,
    task,
  });
}

async function taskOf(assignment: Assignment, environment: HostedEnvironment): Promise<Task> {
  if (assignment.task.kind === 'given') return assignment.task.task;
  const { key } = assignment.task;
  const task = await environment.tasks.get(key);
  if (task !== undefined) return task;
  throw new LachesisError(
    'not_found',
    `Environment \`${environment.name}\` has no task \`${key}\`.`,
    { reason: 'TASK_NOT_FOUND', remedy: 'List its tasks for the keys that it has.' },
  );
}

function unplayedGroup(
  assignment: Assignment,
  options: PlayAssignmentOptions,
  error: unknown,
): Group {
  const groupId = assignment.id;
  const taskKey = taskKeyOf(assignment);
  const task: Task = { key: taskKey, split: '', data: null };
  const rollouts = rolloutIdsOf(assignment, options.attempt).map((rolloutId, index) => {
    const rollout = failedRollout(
      options,
      { rolloutId, groupId, index, task },
      error,
      options.signal,
    );
    say(options, { kind: 'started', rolloutId, groupId, taskKey, index });
    say(options, { kind: 'finished', rolloutId, groupId, rollout });
    return rollout;
  });
  const { trainingPolicy } = options.policy ?? NO_RUN_POLICY;
  return {
    id: groupId,
    runId: assignment.runId,
    environment: assignment.environment,
    taskKey,
    rollouts,
    trainingPolicy,
  };
}

function say({ onProgress, onWarning }: PlayAssignmentOptions, event: RolloutProgress): void {
  try {
    onProgress?.(event);
  } catch (error) {
    onWarning?.(`A watcher of rollout ${event.rolloutId} threw: ${String(error)}`);
  }
}
