import type { AgentResult, StopReason } from '../../agent/index.ts';
import { failureOf, type RolloutFailure } from '../../contract/index.ts';
import { errorMessage, isDeadline, LachesisError } from '../../errors.ts';
import { isEndedByTenant, isSandboxGone } from '../../sandbox/index.ts';

/**
 * Where in a rollout something was thrown decides whose fault it is, unless the thrown error already
 * says: an author's function that reports a dead sandbox or judge is believed.
 */
export function failureIn(phase: string, thrown: unknown, signal: AbortSignal): RolloutFailure {
  if (signal.aborted) return ofPhase(phase, abortFailure(signal.reason));
  if (thrown instanceof LachesisError && BELIEVED.has(thrown.kind)) {
    return ofPhase(phase, failureOfGone(thrown));
  }
  return {
    kind: 'environment_error',
    reason: `${phase.toUpperCase().replaceAll(' ', '_')}_THREW`,
    message: `The environment's ${phase} threw: ${errorMessage(thrown)}`,
  };
}

/** Nothing of the model's ran before the agent did: what ended the sandbox was the environment's. */
function ofPhase(phase: string, failure: RolloutFailure): RolloutFailure {
  return phase === 'setup' && failure.reason === ENDED_BY_TENANT
    ? { ...failure, kind: 'environment_error' }
    : failure;
}

/** The reason of a rollout whose commands ended its sandbox: no fault of the host's, and not played again. */
export const ENDED_BY_TENANT = 'SANDBOX_ENDED_BY_TENANT';

/** What was thrown, where a sandbox that its own commands ended is the model's doing. */
export function failureOfGone(thrown: LachesisError): RolloutFailure {
  const failure = failureOf(thrown);
  return isEndedByTenant(thrown)
    ? { ...failure, kind: 'model_error', reason: ENDED_BY_TENANT }
    : failure;
}

const BELIEVED: ReadonlySet<string> = new Set([
  'model_error',
  'environment_error',
  'infrastructure_error',
  'resource_exhausted',
]);

/** The failure of a rollout whose signal fired: a deadline's, a lost sandbox's or a cancel's. */
export function abortFailure(reason: unknown): RolloutFailure {
  if (reason instanceof LachesisError && isSandboxGone(reason)) return failureOfGone(reason);
  if (isDeadline(reason)) {
    return reason instanceof LachesisError
      ? failureOf(reason)
      : { kind: 'deadline_exceeded', reason: 'DEADLINE', message: errorMessage(reason) };
  }
  return reason instanceof LachesisError
    ? { ...failureOf(reason), kind: 'cancelled' }
    : { kind: 'cancelled', reason: 'CANCELLED', message: `Cancelled: ${errorMessage(reason)}` };
}

/** The stop reason of a rollout that ended by this failure before its agent could say one. */
export function stopReasonOf(failure: RolloutFailure): StopReason {
  switch (failure.kind) {
    case 'cancelled':
      return 'cancelled';
    case 'deadline_exceeded':
      return 'deadline';
    case 'model_error':
      return 'model_error';
    case 'environment_error':
    case 'invalid_input':
    case 'not_found':
      return 'environment_error';
    default:
      return 'infrastructure_error';
  }
}

/**
 * Why a rollout that stopped so can't be scored; undefined when it can. Running into a limit or
 * saying nothing is the model's own doing, and is scored like any other ending.
 */
export function failureOfResult(
  result: AgentResult,
  signal: AbortSignal,
): RolloutFailure | undefined {
  const detail = result.stopDetail;
  switch (result.stopReason) {
    case 'cancelled':
    case 'deadline':
      return signal.aborted
        ? abortFailure(signal.reason)
        : {
            kind: result.stopReason === 'deadline' ? 'deadline_exceeded' : 'cancelled',
            reason: result.stopReason.toUpperCase(),
            message: detail,
          };
    case 'model_error':
    case 'environment_error':
    case 'infrastructure_error':
      return {
        kind: result.stopReason,
        reason: result.stopReason.toUpperCase(),
        message: detail,
      };
    default:
      return undefined;
  }
}
