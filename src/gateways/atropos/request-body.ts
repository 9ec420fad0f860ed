import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { LachesisError } from '../../errors.ts';
import type { NodeRequest } from '../../transport/index.ts';
import { hasMorePartsThan } from './json-parts.ts';
import { withoutPythonNumbers } from './json-slices.ts';
import { Unprocessable } from './unprocessable.ts';

/** A parsed body, and its text. */
export interface Body {
  readonly value: unknown;
  readonly text: string;
}

/** Counts the bytes of all bodies in flight against one bound. */
export class BodyBudget {
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** A share that grows; disposing of it gives all of it back. Throws when the bound is met. */
  open(): Disposable & { add(bytes: number): void } {
    let mine = 0;
    return {
      add: (bytes) => {
        if (this.#bytes + bytes > this.#maxBytes) throw overBudget();
        this.#bytes += bytes;
        mine += bytes;
      },
      [Symbol.dispose]: () => {
        this.#bytes -= mine;
        mine = 0;
      },
    };
  }
}

export interface ReadLimits {
  readonly maxBodyBytes: number;
  readonly budget: { add(bytes: number): void };
}

const gunzipBytes = promisify(gunzip);
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** The body's bytes, decompressed. Undefined when there is none. */
export async function readBody(
  request: NodeRequest,
  { maxBodyBytes, budget }: ReadLimits,
): Promise<Uint8Array | undefined> {
  if (Number(request.headers['content-length']) > maxBodyBytes) throw tooLarge(maxBodyBytes);
  const bytes = Buffer.concat(await chunksOf(request, { maxBodyBytes, budget }));
  if (bytes.length === 0) return undefined;
  const encoding = String(request.headers['content-encoding'] ?? '').toLowerCase();
  if (!encoding.includes('gzip')) return bytes;
  const whole = await inflate(bytes, maxBodyBytes);
  budget.add(whole.length);
  return whole;
}

async function chunksOf(
  request: NodeRequest,
  { maxBodyBytes, budget }: ReadLimits,
): Promise<readonly Buffer[]> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxBodyBytes) throw tooLarge(maxBodyBytes);
      budget.add(chunk.length);
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof LachesisError) throw error;
    throw new LachesisError('cancelled', 'The client went away in the middle of its body.', {
      reason: 'CLIENT_GONE',
      cause: error,
    });
  }
  return chunks;
}

/** Throws `Invalid gzip payload` for what is none, also when its end is missing. */
async function inflate(bytes: Buffer, maxOutputLength: number): Promise<Uint8Array> {
  try {
    return await gunzipBytes(bytes, { maxOutputLength });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw tooLarge(maxOutputLength);
    }
    throw new LachesisError('invalid_input', 'Invalid gzip payload', {
      reason: 'INVALID_GZIP',
      cause: error,
    });
  }
}

/** Refuses a body of more parts than `most` before it is parsed. */
export function assertParts(bytes: Uint8Array | undefined, most: number): void {
  if (bytes === undefined || !hasMorePartsThan(most, bytes)) return;
  const detail = `The body has more than ${most} lists, objects and keys.`;
  throw new LachesisError('invalid_input', detail, {
    reason: 'BODY_TOO_LARGE',
    remedy: 'Send fewer groups at once.',
    field: 'body',
  });
}

/** Parses JSON as Python does: `NaN` and `Infinity` are numbers too, which only logprobs take. */
export function parseBody(bytes: Uint8Array | undefined): Body {
  if (bytes === undefined) throw new Unprocessable([], 'missing', 'Field required');
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch (error) {
    throw new LachesisError('invalid_input', 'There was an error parsing the body', {
      reason: 'INVALID_UTF8',
      cause: error,
    });
  }
  try {
    return { value: JSON.parse(text), text };
  } catch {
    const spelled = withoutPythonNumbers(text);
    if (spelled === undefined) throw noJson();
    try {
      return { value: JSON.parse(spelled), text: spelled };
    } catch {
      throw noJson();
    }
  }
}

function noJson(): Unprocessable {
  return new Unprocessable([], 'json_invalid', 'JSON decode error');
}

function tooLarge(limit: number): LachesisError {
  return new LachesisError('invalid_input', `The body is larger than ${limit} bytes.`, {
    reason: 'BODY_TOO_LARGE',
    remedy: 'Send smaller groups.',
    field: 'body',
  });
}

function overBudget(): LachesisError {
  return new LachesisError('resource_exhausted', 'Too many bodies are being read at once.', {
    reason: 'BODIES_IN_FLIGHT',
    remedy: 'Send it again after the pause.',
    retryAfterMs: 1_000,
  });
}
