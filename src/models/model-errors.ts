import { type ErrorFields, LachesisError } from '../errors.ts';

/** The model or its server answered, and the answer is of no use; asking again would not help. */
export function modelError(message: string, fields: ErrorFields): LachesisError {
  return new LachesisError('model_error', message, fields);
}

/**
 * The way to the model failed; asking again can help. So says `metadata.retryable`, and so does a
 * `retryAfterMs`, which is 0 where the server named no pause.
 */
export function unreachable(message: string, fields: ErrorFields): LachesisError {
  return new LachesisError('infrastructure_error', message, {
    retryAfterMs: 0,
    ...fields,
    metadata: { ...fields.metadata, retryable: 'true' },
  });
}

/** A call was given up at its deadline; `what` is the beginning of the sentence. */
export function modelTimeout(what: string, timeoutMs: number): LachesisError {
  return unreachable(`${what} within ${timeoutMs} ms.`, {
    reason: 'MODEL_TIMEOUT',
    remedy: 'Raise timeoutMs, or ask for fewer tokens.',
    metadata: { timeoutMs: String(timeoutMs) },
  });
}

/** A prompt leaves no room for even one token. */
export function contextOverflow(promptTokens: number, contextLength: number): LachesisError {
  return modelError(
    `The prompt has ${promptTokens} tokens and the model's context holds ${contextLength}.`,
    {
      reason: 'CONTEXT_OVERFLOW',
      remedy: 'Shorten the history, or set the agent a context limit below the model’s.',
      metadata: { promptTokens: String(promptTokens), contextLength: String(contextLength) },
    },
  );
}
