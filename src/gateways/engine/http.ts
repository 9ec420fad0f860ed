import { errorMessage, invalidInput, LachesisError } from '../../errors.ts';
import { isJsonObject, type JsonObject } from '../../messages.ts';
import type { NodeRequest, NodeResponse } from '../../transport/index.ts';

const MAX_BODY_BYTES = 16 * 1024 * 1024;

/** The body of a request as a JSON object. Throws `invalid_input` when it is none, or too large. */
export async function readJson(request: NodeRequest): Promise<JsonObject> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) {
      throw invalidInput('body', `is larger than ${MAX_BODY_BYTES} bytes.`);
    }
    chunks.push(chunk);
  }
  let value: unknown;
  try {
    value = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch (error) {
    throw invalidInput('body', `is no JSON: ${errorMessage(error)}.`, { cause: error });
  }
  if (!isJsonObject(value)) throw invalidInput('body', 'is no JSON object.');
  return value;
}

export function sendJson(response: NodeResponse, status: number, body: unknown): void {
  const bytes = Buffer.from(JSON.stringify(body));
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': bytes.length,
  });
  response.end(bytes);
}

/** A 200 answer whose body ends half way: what a client sees of a server that died while writing. */
export function sendTruncated(response: NodeResponse, body: unknown): void {
  const bytes = Buffer.from(JSON.stringify(body));
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(bytes.subarray(0, bytes.length >> 1));
}

/** An error in the shape of the OpenAI API; `param` names the field. */
export function sendError(response: NodeResponse, thrown: unknown): void {
  const error =
    thrown instanceof LachesisError
      ? thrown
      : new LachesisError('internal', 'Internal error.', { reason: 'INTERNAL', cause: thrown });
  const status = statusOf(error);
  if (error.retryAfterMs !== undefined && !response.headersSent) {
    response.setHeader('retry-after', String(Math.ceil(error.retryAfterMs / 1000)));
  }
  sendJson(response, status, {
    error: {
      message: error.message,
      type: status < 500 ? 'invalid_request_error' : 'server_error',
      param: error.field ?? null,
      code: error.reason,
    },
  });
}

function statusOf(error: LachesisError): number {
  switch (error.kind) {
    case 'invalid_input':
    case 'out_of_range':
      return 400;
    case 'not_found':
      return 404;
    case 'failed_precondition':
    case 'aborted':
    case 'already_exists':
      return 409;
    case 'resource_exhausted':
      return 429;
    case 'infrastructure_error':
      return 503;
    default:
      return 500;
  }
}

/** A stream of server-sent events. */
export interface EventStream {
  /** Resolves when the client has room for more. */
  send(event: unknown): Promise<void>;
  end(): void;
}

export function openEventStream(response: NodeResponse, signal: AbortSignal): EventStream {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  const writable = response as NodeJS.WritableStream;
  return {
    send: async (event) => {
      signal.throwIfAborted();
      if (writable.write(`data: ${JSON.stringify(event)}\n\n`)) return;
      await new Promise<void>((resolve, reject) => {
        const settle = (): void => {
          writable.off('drain', settle);
          signal.removeEventListener('abort', settle);
          if (signal.aborted) reject(signal.reason);
          else resolve();
        };
        writable.once('drain', settle);
        signal.addEventListener('abort', settle, { once: true });
      });
    },
    end: () => {
      writable.write('data: [DONE]\n\n');
      writable.end();
    },
  };
}
