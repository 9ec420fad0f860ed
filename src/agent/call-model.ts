import { sleep, untilAborted } from '../async/index.ts';
import { LachesisError } from '../errors.ts';
import type { Completion, CompletionRequest } from '../models/index.ts';
import type { AgentConfig } from './options.ts';
import { type Stop, stopOfAbort, stopOfModelFailure } from './stop.ts';

export type ModelReply =
  | { readonly kind: 'completion'; readonly completion: Completion }
  | { readonly kind: 'stop'; readonly stop: Stop };

/** Model calls that an agent has made so far. */
export interface ModelCallCounts {
  modelCalls: number;
  modelRetries: number;
}

/** One turn's model call, as {@link complete} makes it. Never rejects. */
export async function callModel<State>(
  request: CompletionRequest,
  counts: ModelCallCounts,
  config: AgentConfig<State>,
): Promise<ModelReply> {
  try {
    return { kind: 'completion', completion: await complete(request, counts, config) };
  } catch (error) {
    const { signal } = config;
    const stop = signal.aborted ? stopOfAbort(signal.reason) : stopOfModelFailure(error);
    return { kind: 'stop', stop };
  }
}

/**
 * A model call, tried again within the rollout's budget when the session says that this may help: a
 * `model_error` or `infrastructure_error` with `retryAfterMs`. Once the signal has fired, rejects with its reason.
 */
export async function complete<State>(
  request: CompletionRequest,
  counts: ModelCallCounts,
  config: Pick<
    AgentConfig<State>,
    'abortGraceMs' | 'clock' | 'modelRetries' | 'random' | 'session' | 'share' | 'signal'
  >,
): Promise<Completion> {
  const { abortGraceMs: graceMs, clock, modelRetries, random, session, share, signal } = config;
  for (let attempt = 0; ; attempt += 1) {
    try {
      signal.throwIfAborted();
      counts.modelCalls += 1;
      const work = session.complete(request, { signal });
      return await untilAborted(work, { clock, graceMs, signal });
    } catch (error) {
      signal.throwIfAborted();
      if (!isRetryable(error) || !share.takeRetry()) throw error;
      counts.modelRetries += 1;
      const backoffMs = Math.min(modelRetries.maxMs, modelRetries.initialMs * 2 ** attempt);
      // Spread, so that many rollouts don't return to a restarted engine at one instant.
      const delayMs = Math.max(error.retryAfterMs ?? 0, backoffMs * (1 - random() / 2));
      await sleep(delayMs, { clock, signal });
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
