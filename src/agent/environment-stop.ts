import { isThenable, untilAborted } from '../async/index.ts';
import { errorMessage, LachesisError } from '../errors.ts';
import { HookMistake } from './hook-mistake.ts';
import type { AgentConfig } from './options.ts';
import { type Stop, stopOfAbort } from './stop.ts';

/**
 * Runs an environment's hook under the run's signal; its throw is the environment's error. `name` begins
 * what is said of a failure, such as `The afterToolCall hook 1`.
 */
export async function environmentStop<State>(
  config: AgentConfig<State>,
  hook: () => Stop | undefined | PromiseLike<Stop | undefined>,
  name?: string,
): Promise<Stop | undefined> {
  const { clock, signal } = config;
  try {
    const given = hook();
    if (!isThenable(given)) return given;
    return await untilAborted(given, { clock, graceMs: config.abortGraceMs, signal });
  } catch (error) {
    if (signal.aborted && error === signal.reason) return stopOfAbort(error);
    const isLost = error instanceof LachesisError && error.kind === 'infrastructure_error';
    return {
      reason: isLost ? 'infrastructure_error' : 'environment_error',
      detail: detailOf(error, name),
    };
  }
}

function detailOf(error: unknown, name: string | undefined): string {
  if (name === undefined) return errorMessage(error);
  const message = errorMessage(error);
  return error instanceof HookMistake ? `${name} ${message}` : `${name} threw: ${message}`;
}
