import { clipText, errorMessage, type LachesisError } from '../../errors.ts';
import { isJsonObject } from '../../messages.ts';
import { overflowPattern } from '../direct/direct-errors.ts';
import { modelError, unreachable } from '../model-errors.ts';

/** Set on errors of calls that never got a byte of their answer: asking again samples nothing twice. */
const UNANSWERED = { unanswered: 'true' };

/** True when a call can be made again at once: it was not answered, and the way may open. */
export function isUnanswered(error: LachesisError): boolean {
  return error.metadata['unanswered'] === 'true';
}

/** No answer began. */
export function unreached(name: string, url: string, cause: unknown): LachesisError {
  return unreachable(`${name} at ${url} can't be reached: ${clipText(errorMessage(cause), 200)}.`, {
    reason: 'ENGINE_UNREACHABLE',
    remedy: 'Check that it runs and that the address is right.',
    metadata: UNANSWERED,
    cause,
  });
}

/** An answer began and broke. What was sampled is lost, so nobody may pretend that nothing was. */
export function cutOff(name: string, bytes: number, cause: unknown): LachesisError {
  return unreachable(`The answer of ${name} was cut off after ${bytes} bytes.`, {
    reason: 'ENGINE_REPLY_CUT_OFF',
    remedy: 'Look for a proxy with a time limit, or a server that went down.',
    metadata: { bytes: String(bytes) },
    cause,
  });
}

export function tooLarge(
  name: string,
  maxBytes: number,
  what: 'The answer' | 'An event' = 'The answer',
): LachesisError {
  return modelError(`${what} of ${name} is larger than ${maxBytes} bytes.`, {
    reason: 'ENGINE_REPLY_TOO_LARGE',
    remedy:
      what === 'An event'
        ? 'Check that the URL is that of the engine: no event of a stream is as long.'
        : 'Ask for fewer tokens or logprobs, or raise maxResponseBytes.',
    metadata: { maxBytes: String(maxBytes) },
  });
}

/** Without a cause: a parser's message quotes the text, half a secret as well. */
export function notJson(name: string, text: string): LachesisError {
  const begins = JSON.stringify(clipText(text, 80));
  return modelError(`The answer of ${name} is not JSON; it begins with ${begins}.`, {
    reason: 'BAD_ENGINE_REPLY',
    remedy: 'Check that the URL is that of the engine, and that it writes no NaN into JSON.',
  });
}

/**
 * A status that is no success. 408, 429, 502 and 503 refuse the call before it began, so it can be made
 * again; of other 5xx nobody knows what was sampled, and a 4xx stays one however often it is asked.
 */
export function statusError(
  name: string,
  status: number,
  {
    body,
    hide,
    retryAfterMs,
  }: {
    readonly body: string;
    readonly hide: (text: string) => string;
    readonly retryAfterMs: number | undefined;
  },
): LachesisError {
  const said = clipText(hide(saidIn(body)), 400).trim();
  const message = `${name} answered ${status}${said === '' ? '' : `: ${said}`}${/[.!?]$/.test(said) ? '' : '.'}`;
  const refused = [408, 429, 502, 503].includes(status);
  const metadata = { status: String(status), ...(refused && UNANSWERED) };
  if (refused || status >= 500) {
    return unreachable(message, {
      reason: status === 429 ? 'ENGINE_BUSY' : 'ENGINE_UNAVAILABLE',
      metadata,
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    });
  }
  if (overflowPattern.test(said)) {
    return modelError(message, {
      reason: 'CONTEXT_OVERFLOW',
      remedy: 'Shorten the history, or give the engine its contextLength.',
      metadata,
    });
  }
  const remedy = remedies[status];
  return modelError(message, {
    reason: 'ENGINE_REQUEST_REFUSED',
    ...(remedy !== undefined && { remedy }),
    metadata,
  });
}

const remedies: Readonly<Record<number, string>> = {
  401: 'Give a valid apiKey.',
  403: 'The apiKey may not use this model.',
  404: 'Check the URL, the model name, and that this version of the engine has the route.',
  405: 'Check that this version of the engine has the route.',
};

/** How FastAPI, the OpenAI shape and plain servers put their message. */
function saidIn(body: string): string {
  try {
    const value: unknown = JSON.parse(body);
    if (!isJsonObject(value)) return body;
    const { error, message, detail } = value;
    if (isJsonObject(error) && typeof error['message'] === 'string') return error['message'];
    for (const text of [error, message, detail]) if (typeof text === 'string') return text;
    return JSON.stringify(detail ?? value);
  } catch {
    return body;
  }
}
