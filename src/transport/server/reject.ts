import { Code } from '@connectrpc/connect';
import { codeName, type ErrorDetail } from '../error-codes.ts';
import { encodeRpcStatus, packDetails } from '../rpc-status.ts';
import { http2StreamOf, isGone, type NodeRequest, type NodeResponse } from './node-http.ts';
import { type RpcProtocol, rpcProtocolOf } from './rpc-protocol.ts';

/** An answer that is known before the body is read. */
export interface Rejection {
  readonly code: Code;
  readonly message: string;
  readonly details?: readonly ErrorDetail[];
  /** HTTP status in place of the code's own, also for gRPC (an unparsable authority is a 400). */
  readonly httpStatus?: number;
}

const HTTP_STATUS: Readonly<Record<Code, number>> = {
  [Code.Canceled]: 499,
  [Code.Unknown]: 500,
  [Code.InvalidArgument]: 400,
  [Code.DeadlineExceeded]: 504,
  [Code.NotFound]: 404,
  [Code.AlreadyExists]: 409,
  [Code.PermissionDenied]: 403,
  [Code.ResourceExhausted]: 429,
  [Code.FailedPrecondition]: 400,
  [Code.Aborted]: 409,
  [Code.OutOfRange]: 400,
  [Code.Unimplemented]: 404,
  [Code.Internal]: 500,
  [Code.Unavailable]: 503,
  [Code.DataLoss]: 500,
  [Code.Unauthenticated]: 401,
};

const TRAILER_FRAME_FLAG = 0x80;
const END_STREAM_FLAG = 0x02;

/** Answers a request in its own dialect without touching its body. No-op once headers are out. */
export function reject(request: NodeRequest, response: NodeResponse, rejection: Rejection): void {
  if (response.headersSent || isGone(response)) return;
  const answer = writeRejection(
    rpcProtocolOf(request.method ?? '', request.url, request.headers),
    request.headers['content-type'],
    rejection,
  );
  const stream = http2StreamOf(response);
  if (answer.body === undefined && stream !== undefined) {
    // Headers that also end the stream: after an extra DATA frame gRPC clients miss the status.
    stream.respond({ ':status': answer.status, ...answer.headers }, { endStream: true });
    return;
  }
  response.writeHead(answer.status, answer.headers);
  if (answer.body === undefined) response.end();
  else response.end(answer.body);
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

function writeRejection(
  protocol: RpcProtocol,
  contentType = 'text/plain',
  rejection: Rejection,
): Answer {
  if (protocol === 'connect-unary') {
    return whole(statusOf(rejection), 'application/json', JSON.stringify(errorJson(rejection)));
  }
  if (protocol === 'http' || rejection.httpStatus !== undefined) {
    return whole(statusOf(rejection), 'text/plain; charset=utf-8', `${rejection.message}\n`);
  }
  if (protocol === 'grpc') {
    return { status: 200, headers: { 'content-type': contentType, ...grpcTrailers(rejection) } };
  }
  if (protocol === 'grpc-web') {
    return whole(200, contentType, frame(TRAILER_FRAME_FLAG, trailerText(rejection)));
  }
  const body = JSON.stringify({ error: errorJson(rejection) });
  return whole(200, contentType, frame(END_STREAM_FLAG, body));
}

function whole(status: number, contentType: string, body: string | Uint8Array): Answer {
  const headers = {
    'content-type': contentType,
    'content-length': String(Buffer.byteLength(body)),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(status === 401 && { 'www-authenticate': 'Bearer' }),
  };
  return { status, headers, body };
}

function grpcTrailers(rejection: Rejection): Record<string, string> {
  const trailers: Record<string, string> = {
    'grpc-status': String(rejection.code),
    'grpc-message': encodeURIComponent(rejection.message.toWellFormed()),
  };
  const details = packDetails(rejection.details ?? []);
  if (details.length > 0) {
    const { code, message } = rejection;
    const status = encodeRpcStatus({ code, message: message.toWellFormed(), details });
    trailers['grpc-status-details-bin'] = unpadded(status);
  }
  return trailers;
}

function trailerText(rejection: Rejection): string {
  return Object.entries(grpcTrailers(rejection))
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
}

function errorJson(rejection: Rejection): Record<string, unknown> {
  const details = packDetails(rejection.details ?? []);
  return {
    code: codeName(rejection.code),
    message: rejection.message,
    ...(details.length > 0 && {
      details: details.map(({ type, value }) => ({ type, value: unpadded(value) })),
    }),
  };
}

function statusOf(rejection: Rejection): number {
  return rejection.httpStatus ?? HTTP_STATUS[rejection.code];
}

function frame(flag: number, body: string): Uint8Array {
  const bytes = Buffer.from(body, 'utf8');
  const framed = Buffer.alloc(5 + bytes.byteLength);
  framed.writeUInt8(flag, 0);
  framed.writeUInt32BE(bytes.byteLength, 1);
  bytes.copy(framed, 5);
  return framed;
}

function unpadded(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replace(/=+$/, '');
}
