import { invalidInput } from '../../errors.ts';
import type { Route } from './routes.ts';

/** `GET /v1/models`. */
export const modelsRoute: Route = async ({ policy, created }) => ({
  object: 'list',
  data: [
    {
      id: policy.name,
      object: 'model',
      created,
      owned_by: 'lachesis',
      root: policy.name,
      parent: null,
      max_model_len: policy.describe().contextTokens,
    },
  ],
});

/** `GET /weight_info`. */
export const weightInfoRoute: Route = async ({ policy }) => ({ weight_version: policy.version });

/** `POST /pause?mode=abort|wait|keep`: vLLM's words for our abort, drain and keep. */
export const pauseRoute: Route = async ({ policy, query, signal }) => {
  const mode = query.get('mode') ?? 'abort';
  const known = { abort: 'abort', wait: 'drain', keep: 'keep' } as const;
  if (!Object.hasOwn(known, mode)) {
    throw invalidInput('mode', `is "${mode}"; give abort, wait or keep.`);
  }
  await policy.pause(known[mode as keyof typeof known], { signal });
  return { status: 'paused' };
};

/** `POST /resume`. */
export const resumeRoute: Route = async ({ policy }) => {
  policy.resume();
  return { status: 'resumed' };
};

/** `GET /is_paused`. */
export const isPausedRoute: Route = async ({ policy }) => ({ is_paused: policy.describe().paused });
