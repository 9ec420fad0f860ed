import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate as breathe } from 'node:timers/promises';
import { promisify } from 'node:util';
import { constants, createGzip, gzip } from 'node:zlib';
import { LachesisError } from '../../errors.ts';
import type { NodeRequest, NodeResponse } from '../../transport/index.ts';
import { Unprocessable } from './unprocessable.ts';

/** What a route answers: `text` is no JSON, `raw` is JSON in UTF-8, and so are `pieces`, written as they are made. */
export type Answer =
  | { readonly kind: 'json'; readonly status?: number; readonly body: unknown }
  | { readonly kind: 'raw'; readonly status?: number; readonly bytes: Uint8Array }
  | { readonly kind: 'text'; readonly status?: number; readonly text: string }
  | { readonly kind: 'pieces'; readonly pieces: AsyncIterable<Iterable<Piece>> };

/** Of JSON: as text, or as bytes of UTF-8. */
export type Piece = string | Uint8Array;

/** Answers of this many bytes are compressed for who accepts it, as in Atropos. */
const MIN_GZIP_BYTES = 1_000;
/** Bytes of one write. */
const WRITE_BYTES = 256 * 1_024;

const gzipBytes = promisify(gzip);

/** Resolves when all of it was handed to the connection; rejects when that broke, or stood still for too long. */
export async function sendAnswer(
  request: NodeRequest,
  response: NodeResponse,
  answer: Answer,
  options: { readonly stallMs: number },
): Promise<void> {
  if (answer.kind === 'pieces') {
    await sendPieces(response, answer.pieces, accepts(request), options.stallMs);
    return;
  }
  const isText = answer.kind === 'text';
  const bytes = bytesOf(answer);
  const compressed =
    bytes.length >= MIN_GZIP_BYTES && accepts(request)
      ? await gzipBytes(bytes, { level: constants.Z_BEST_SPEED })
      : undefined;
  response.writeHead(answer.status ?? 200, {
    'content-type': isText ? 'text/plain; charset=utf-8' : 'application/json',
    'content-length': (compressed ?? bytes).length,
    ...(bytes.length < MIN_GZIP_BYTES ? {} : { vary: 'Accept-Encoding' }),
    ...(compressed === undefined ? {} : { 'content-encoding': 'gzip' }),
  });
  await finish(response, options.stallMs, compressed ?? bytes);
}

function bytesOf(answer: Exclude<Answer, { readonly kind: 'pieces' }>): Uint8Array {
  switch (answer.kind) {
    case 'json':
      return Buffer.from(JSON.stringify(answer.body));
    case 'raw':
      return answer.bytes;
    case 'text':
      return Buffer.from(answer.text);
  }
}

async function sendPieces(
  response: NodeResponse,
  pieces: AsyncIterable<Iterable<Piece>>,
  compress: boolean,
  stallMs: number,
): Promise<void> {
  response.writeHead(200, {
    'content-type': 'application/json',
    vary: 'Accept-Encoding',
    ...(compress ? { 'content-encoding': 'gzip' } : {}),
  });
  const send = async (source: AsyncIterable<Uint8Array>): Promise<void> => {
    for await (const chunk of source) {
      await writeChunk(response, chunk, stallMs);
      // A reader that takes everything at once would keep all other requests waiting till the end.
      await breathe();
    }
  };
  const text = Readable.from(joined(pieces), { objectMode: false });
  if (compress) await pipeline(text, createGzip({ level: constants.Z_BEST_SPEED }), send);
  else await pipeline(text, send);
  await finish(response, stallMs);
}

/** An answer to whatever a route threw. Nothing of a fault that is ours gets out. */
export function refusalAnswer(thrown: unknown): Answer & { readonly retryAfterMs?: number } {
  if (thrown instanceof Unprocessable) {
    const { type, loc, detail } = thrown;
    const entry = { type, loc: ['body', ...loc], msg: detail };
    return { kind: 'json', status: 422, body: { detail: [entry] } };
  }
  if (!(thrown instanceof LachesisError)) {
    return { kind: 'text', status: 500, text: 'Internal Server Error' };
  }
  switch (thrown.reason) {
    case 'INVALID_GZIP':
      return { kind: 'text', status: 400, text: thrown.message };
    case 'BODY_TOO_LARGE':
    case 'GROUP_TOO_LARGE':
      return { kind: 'json', status: 413, body: { detail: thrown.message } };
  }
  const retry = thrown.retryAfterMs === undefined ? {} : { retryAfterMs: thrown.retryAfterMs };
  return { kind: 'json', status: statusOf(thrown), body: { detail: thrown.message }, ...retry };
}

function statusOf({ kind }: LachesisError): number {
  switch (kind) {
    case 'invalid_input':
    case 'out_of_range':
      return 400;
    case 'permission_denied':
      return 403;
    case 'not_found':
      return 404;
    case 'failed_precondition':
    case 'aborted':
    case 'already_exists':
      return 409;
    case 'resource_exhausted':
    case 'infrastructure_error':
    case 'deadline_exceeded':
    case 'cancelled':
      // What Atropos' SDK sends again; it drops a group at any 4xx.
      return 503;
    default:
      return 500;
  }
}

function accepts(request: NodeRequest): boolean {
  return String(request.headers['accept-encoding'] ?? '')
    .toLowerCase()
    .includes('gzip');
}

/** Small pieces put together and large ones cut, so that no write is long in coming or in leaving. */
async function* joined(pieces: AsyncIterable<Iterable<Piece>>): AsyncGenerator<Uint8Array> {
  let text = '';
  for await (const some of pieces) {
    for (const piece of some) {
      if (typeof piece !== 'string') {
        yield* cut(Buffer.from(text));
        yield* cut(piece);
        text = '';
        continue;
      }
      text += piece;
      if (text.length < WRITE_BYTES) continue;
      yield* cut(Buffer.from(text));
      text = '';
    }
  }
  yield* cut(Buffer.from(text));
}

function* cut(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += WRITE_BYTES) {
    yield bytes.subarray(at, at + WRITE_BYTES);
  }
}

/** Resolves when the connection took it. */
function writeChunk(response: NodeResponse, chunk: Uint8Array, stallMs: number): Promise<void> {
  const out = response as unknown as NodeJS.WritableStream;
  return untilTaken(response, stallMs, (taken) => void out.write(chunk, taken));
}

function finish(response: NodeResponse, stallMs: number, bytes?: Uint8Array): Promise<void> {
  const out = response as unknown as NodeJS.WritableStream;
  return untilTaken(response, stallMs, (taken) => {
    if (bytes === undefined) out.end(() => taken());
    else out.end(bytes, () => taken());
  });
}

/** Waits for a write; its reader may hang up meanwhile, or stand still. */
function untilTaken(
  response: NodeResponse,
  stallMs: number,
  start: (taken: (error?: Error | null) => void) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error | null): void => {
      clearTimeout(timer);
      response.off('close', gone);
      if (error === undefined || error === null) resolve();
      else reject(error);
    };
    const gone = (): void => settle(response.writableFinished ? undefined : clientGone());
    const timer = setTimeout(() => {
      settle(readerStalled());
      response.destroy();
    }, stallMs);
    response.once('close', gone);
    if (response.destroyed) gone();
    else start(settle);
  });
}

function clientGone(): LachesisError {
  return new LachesisError('cancelled', 'The client went away.', { reason: 'CLIENT_GONE' });
}

function readerStalled(): LachesisError {
  return new LachesisError('deadline_exceeded', 'The reader of the answer stood still.', {
    reason: 'READER_STALLED',
  });
}
