import { isThenable, untilAborted } from '../async/index.ts';
import { errorMessage, LachesisError } from '../errors.ts';
import type { AgentConfig } from './options.ts';
import { type Stop, stopOfAbort } from './stop.ts';

/** Runs an environment's hook under the run's signal; its throw is the environment's error. */
export async function environmentStop<State>(
  config: AgentConfig<State>,
  hook: () => Stop | undefined | PromiseLike<Stop | undefined>,
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
      detail: errorMessage(error),
    };
  }
}
