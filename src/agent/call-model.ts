import { sleep, untilAborted } from '../async/index.ts';
import { LachesisError } from '../errors.ts';
import type { Completion, CompletionRequest } from '../models/index.ts';
import type { AgentConfig } from './options.ts';
import { type Stop, stopOfAbort, stopOfModelFailure } from './stop.ts';

export type ModelReply =
  | { readonly kind: 'completion'; readonly completion: Completion }
  | { readonly kind: 'stop'; readonly stop: Stop };

/** Model calls made so far, and what is left to try again with. One per rollout. */
export interface ModelCallCounts {
  modelCalls: number;
  modelRetries: number;
}

/**
 * One turn's model call, tried again within the rollout's budget when the session says that this may
 * help: a `model_error` or `infrastructure_error` with `retryAfterMs`. Never rejects.
 */
export async function callModel<State>(
  request: CompletionRequest,
  counts: ModelCallCounts,
  config: AgentConfig<State>,
): Promise<ModelReply> {
  const { abortGraceMs: graceMs, clock, modelRetries, random, session, signal } = config;
  for (let attempt = 0; ; attempt += 1) {
    try {
      signal.throwIfAborted();
      counts.modelCalls += 1;
      const work = session.complete(request, { signal });
      const completion = await untilAborted(work, { clock, graceMs, signal });
      return { kind: 'completion', completion };
    } catch (error) {
      if (signal.aborted) return { kind: 'stop', stop: stopOfAbort(signal.reason) };
      if (!isRetryable(error) || counts.modelRetries >= modelRetries.max) {
        return { kind: 'stop', stop: stopOfModelFailure(error) };
      }
      counts.modelRetries += 1;
      const backoffMs = Math.min(modelRetries.maxMs, modelRetries.initialMs * 2 ** attempt);
      // Spread, so that many rollouts don't return to a restarted engine at one instant.
      const delayMs = Math.max(error.retryAfterMs ?? 0, backoffMs * (1 - random() / 2));
      try {
        await sleep(delayMs, { clock, signal });
      } catch (reason) {
        return { kind: 'stop', stop: stopOfAbort(reason) };
      }
    }
  }
}

function isRetryable(error: unknown): error is LachesisError {
  return (
    error instanceof LachesisError &&
    (error.kind === 'model_error' || error.kind === 'infrastructure_error') &&
    error.retryAfterMs !== undefined
  );
}
