import type { Group, RolloutFailure } from '../contract/index.ts';
import { type ErrorKind, LachesisError } from '../errors.ts';

/** What to do about a group that nobody can train on, or a submit that was refused. */
export interface Verdict {
  readonly error: LachesisError;
  /** True: playing it again would end the same way. */
  readonly permanent: boolean;
}

/** Undefined when a rollout was scored; else why the assignment failed, and whether to try it again. */
export function verdictOfGroup(group: Group): Verdict | undefined {
  const failures: RolloutFailure[] = [];
  for (const { outcome } of group.rollouts) {
    if (outcome.kind === 'scored') return undefined;
    failures.push(outcome.failure);
  }
  const first = failures[0];
  const count = failures.length;
  if (first === undefined) {
    const error = new LachesisError('internal', 'The group has no rollout.', { reason: 'EMPTY' });
    return { error, permanent: true };
  }
  // A failure's message ends in its remedy already.
  const message = `None of ${count} rollouts was scored; the first: ${first.message}`;
  const error = new LachesisError(first.kind, message, { reason: first.reason });
  return { error, permanent: failures.every(({ kind }) => !WORTH_ANOTHER_TRY.has(kind)) };
}

/** Whether the very same submit may pass later. */
export function isTransient(error: unknown): boolean {
  return (
    error instanceof LachesisError &&
    (error.kind === 'infrastructure_error' ||
      error.kind === 'resource_exhausted' ||
      error.kind === 'deadline_exceeded')
  );
}

/**
 * Failures that come from around the rollout, and not from the environment, its task or the model:
 * a model's failed call was retried within the rollout wherever that could help.
 */
const WORTH_ANOTHER_TRY: ReadonlySet<ErrorKind> = new Set<ErrorKind>([
  'infrastructure_error',
  'resource_exhausted',
  'cancelled',
  'deadline_exceeded',
  'aborted',
  'internal',
]);
