import { APIConnectionError, APIError } from 'openai';
import { errorMessage, LachesisError } from '../../errors.ts';
import { modelError, unreachable } from '../model-errors.ts';

/**
 * Says whose fault a failed call of the `openai` client is. Statuses 408, 409, 429 and 5xx, and
 * everything that broke before an answer, can be retried; other statuses and answers that are no
 * JSON can't.
 */
export function directError(thrown: unknown, baseUrl: string): LachesisError {
  if (thrown instanceof LachesisError) return thrown;
  if (thrown instanceof SyntaxError) {
    return modelError(`The model server's answer is not complete JSON: ${thrown.message}.`, {
      reason: 'BAD_MODEL_RESPONSE',
      remedy: 'It was cut off on its way, or the server is no OpenAI-compatible API.',
      cause: thrown,
    });
  }
  if (thrown instanceof APIError && !(thrown instanceof APIConnectionError)) {
    const status = Number(thrown.status);
    if (Number.isInteger(status)) return statusError(thrown, status);
  }
  return unreachable(`The model server at ${baseUrl} can't be reached: ${rootMessage(thrown)}.`, {
    reason: 'MODEL_SERVER_UNREACHABLE',
    remedy: 'Check that it runs and that the address is right.',
    cause: thrown,
  });
}

function statusError(error: APIError, status: number): LachesisError {
  const metadata: Record<string, string> = { status: String(status) };
  if (typeof error.code === 'string') metadata['code'] = error.code;
  const message = `The model server answered ${error.message}.`;
  if (status === 408 || status === 409 || status === 429 || status >= 500) {
    const retryAfterMs = readRetryAfter(error.headers as Headers | undefined, Date.now());
    return unreachable(message, {
      reason: status === 429 ? 'MODEL_SERVER_BUSY' : 'MODEL_SERVER_UNAVAILABLE',
      metadata,
      ...(retryAfterMs !== undefined && { retryAfterMs }),
      cause: error,
    });
  }
  const overflow = error.code === 'context_length_exceeded' || overflowPattern.test(error.message);
  if (overflow) return modelError(message, { reason: 'CONTEXT_OVERFLOW', metadata, cause: error });
  return modelError(message, {
    reason: 'MODEL_REQUEST_REFUSED',
    ...(remedies[status] !== undefined && { remedy: remedies[status] }),
    metadata,
    cause: error,
  });
}

/** How vLLM, SGLang, llama.cpp and the hosted APIs say it when they give no code. */
export const overflowPattern =
  /maximum context length|context length (?:is|of) only|exceeds? the (?:available |model's )?context|longer than the model's context/i;

const remedies: Readonly<Record<number, string>> = {
  401: 'Give a valid apiKey.',
  403: 'The apiKey may not use this model.',
  404: 'Check the base URL (it often ends in /v1) and the model name.',
};

/** Milliseconds of `retry-after-ms` or `retry-after` (seconds, or an HTTP date); undefined when absent or odd. */
export function readRetryAfter(headers: Headers | undefined, nowMs: number): number | undefined {
  const exact = headers?.get('retry-after-ms') ?? '';
  if (/^\d+(?:\.\d+)?$/.test(exact)) return Number(exact);
  const value = headers?.get('retry-after') ?? '';
  if (/^\d+(?:\.\d+)?$/.test(value)) return Number(value) * 1000;
  const date = value === '' ? Number.NaN : Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}

/** fetch says only `fetch failed`; the cause at the bottom says why. */
function rootMessage(thrown: unknown): string {
  let root = thrown;
  for (let depth = 0; depth < 8 && root instanceof Error && root.cause instanceof Error; depth++) {
    root = root.cause;
  }
  return errorMessage(root).replace(/\.$/, '');
}
