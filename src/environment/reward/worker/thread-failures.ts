import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { clipText, errorMessage, LachesisError } from '../../../errors.ts';

// How a thread fails, in the words of whoever wrote the reward module. All are environment_error:
// a rollout that meets one is not scored.

/** A module that was imported and threw, or that is not there. */
export function loadFailed(href: string, cause: Error): LachesisError {
  const file = fileURLToPath(href);
  const remedy = existsSync(file)
    ? 'Correct what it does when it is imported, and what it imports.'
    : `There is no such file. A path is taken from the working directory, ${process.cwd()}; for a file beside the environment's, give new URL('./score.ts', import.meta.url).`;
  const message = `${named(href)} could not be loaded: ${sentence(cause)}`;
  return failure('REWARD_MODULE_LOAD', message, remedy, { href, cause });
}

export function noFunction(href: string): LachesisError {
  return failure(
    'REWARD_MODULE_LOAD',
    `${named(href)} has no function as its default export.`,
    'Write: export default ({ task, finalText }) => ...',
    { href },
  );
}

export function loadTimedOut(href: string, timeoutMs: number): LachesisError {
  return failure(
    'REWARD_MODULE_LOAD_TIMEOUT',
    `${named(href)} was not loaded within ${timeoutMs} ms, and its thread was ended.`,
    "Look for a loop, or an await without an end, outside of its function; if it needs longer, raise workerReward's loadTimeoutMs.",
    { href },
  );
}

export function timedOut(href: string, timeoutMs: number): LachesisError {
  return failure(
    'REWARD_WORKER_TIMEOUT',
    `${named(href)} took longer than ${timeoutMs} ms, and its thread was ended.`,
    "If it needs longer, raise workerReward's timeoutMs.",
    { href },
  );
}

/** What was answered can't leave the thread. */
export function unsendable(href: string, cause: Error): LachesisError {
  return failure(
    'REWARD_VALUE_NOT_CLONEABLE',
    `${named(href)} returned what can't be sent back: ${sentence(cause)}`,
    "Return a number, { components } or { notScored: 'why' }, of plain values.",
    { href, cause },
  );
}

/** The thread is gone, of an error that nobody caught (which may be any value) or of its own exit. */
export function died(
  { href, maxOldGenerationMb }: { readonly href: string; readonly maxOldGenerationMb: number },
  cause: unknown,
): LachesisError {
  if (cause instanceof Error && 'code' in cause && cause.code === 'ERR_WORKER_OUT_OF_MEMORY') {
    return failure(
      'REWARD_WORKER_OUT_OF_MEMORY',
      `${named(href)} needed more than ${maxOldGenerationMb} MB.`,
      "If it may, raise workerReward's maxOldGenerationMb.",
      { href, cause },
    );
  }
  return failure(
    'REWARD_WORKER_DIED',
    `The thread of ${named(href, 'the')} died: ${sentence(cause)}`,
    'Take process.exit() out of it, and catch what its timers and unawaited promises throw.',
    { href, cause },
  );
}

/** With one full stop; what is thrown may be of any length. */
function sentence(thrown: unknown): string {
  return `${clipText(errorMessage(thrown), 4_000).replace(/\.$/, '')}.`;
}

function named(href: string, article = 'The'): string {
  return `${article} reward module ${fileURLToPath(href)}`;
}

function failure(
  reason: string,
  message: string,
  remedy: string,
  { href, cause }: { readonly href: string; readonly cause?: unknown },
): LachesisError {
  return new LachesisError('environment_error', message, {
    reason,
    remedy,
    metadata: { module: href },
    cause,
  });
}
