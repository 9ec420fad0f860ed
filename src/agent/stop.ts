import { errorMessage, isDeadline, LachesisError } from '../errors.ts';
import { isEndedByTenant, isSandboxGone } from '../sandbox/index.ts';
import type { StopReason } from './result.ts';

/** How a run ends: the typed reason and the same in words. */
export interface Stop {
  readonly reason: StopReason;
  readonly detail: string;
}

/** What a fired signal's reason means: a time limit, a lost sandbox, or somebody's wish. */
export function stopOfAbort(reason: unknown): Stop {
  if (isEndedByTenant(reason)) return { reason: 'model_error', detail: errorMessage(reason) };
  if (isSandboxGone(reason)) {
    return { reason: 'infrastructure_error', detail: errorMessage(reason) };
  }
  return { reason: isDeadline(reason) ? 'deadline' : 'cancelled', detail: errorMessage(reason) };
}

export function isAbort(stop: Stop): boolean {
  return stop.reason === 'deadline' || stop.reason === 'cancelled';
}

/** What a model call's failure means, when it isn't an abort of ours. */
export function stopOfModelFailure(error: unknown): Stop {
  return { reason: modelStopReason(error), detail: errorMessage(error) };
}

function modelStopReason(error: unknown): StopReason {
  if (!(error instanceof LachesisError)) return 'infrastructure_error';
  if (error.reason === 'CONTEXT_OVERFLOW') return 'context_overflow';
  switch (error.kind) {
    case 'invalid_input':
    case 'not_found':
    case 'failed_precondition':
    case 'out_of_range':
    case 'unauthenticated':
    case 'permission_denied':
    case 'unimplemented':
    case 'model_error':
      return 'model_error';
    case 'environment_error':
      return 'environment_error';
    // A cancel or a deadline that isn't this run's own came from the engine's side.
    case 'already_exists':
    case 'aborted':
    case 'resource_exhausted':
    case 'infrastructure_error':
    case 'deadline_exceeded':
    case 'cancelled':
    case 'internal':
      return 'infrastructure_error';
  }
}

/** What a failed tool means, when its failure isn't the model's to see. */
export function stopOfToolFailure(error: LachesisError): Stop {
  const { kind } = error;
  // What the model ran there ended it.
  if (isEndedByTenant(error)) return { reason: 'model_error', detail: errorMessage(error) };
  const isTyped = kind === 'environment_error' || kind === 'model_error';
  return { reason: isTyped ? kind : 'infrastructure_error', detail: errorMessage(error) };
}

/** A completion that ended before the model did; its calls never run. Undefined for any other. */
export function stopOfCutOff(finishReason: string): Stop | undefined {
  switch (finishReason) {
    case 'length':
      return { reason: 'length', detail: 'The completion was cut off at its token limit.' };
    case 'abort':
      return { reason: 'infrastructure_error', detail: 'The engine aborted the completion.' };
    case 'content_filter':
      return {
        reason: 'model_error',
        detail: "The model server's content filter cut the completion off.",
      };
    default:
      return undefined;
  }
}
