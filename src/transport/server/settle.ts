import type { IncomingMessage, ServerResponse } from 'node:http';
import { constants, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { http2StreamOf, type NodeRequest, type NodeResponse } from './node-http.ts';

export interface SettleLimits {
  readonly settleMaxBytes: number;
  readonly settleMs: number;
}

/**
 * Ends the request half of an exchange whose response is done. A handler that answers early
 * (size limit, refusal, early return) leaves the upload open and its window full for the life of
 * the connection. Its rest is read and dropped for a while, so that a client in mid-write sees
 * the answer; then the stream is closed without an error.
 */
export function settleAfterResponse(
  request: NodeRequest,
  response: NodeResponse,
  limits: SettleLimits,
): void {
  const stream = http2StreamOf(response);
  if (stream !== undefined) {
    stream.once('finish', () => settleHttp2(stream, limits));
  } else {
    const [http1, answer] = [request as IncomingMessage, response as ServerResponse];
    const { socket } = http1;
    const { writeHead } = answer;
    // An answer before the end of its request is the last of its connection, and says so.
    answer.writeHead = (...head: never[]) => {
      if (!http1.complete) answer.shouldKeepAlive = false;
      return (writeHead as (...head: never[]) => ServerResponse).apply(answer, head);
    };
    answer.once('finish', () => settleHttp1(http1, socket, limits));
  }
}

function settleHttp2(stream: ServerHttp2Stream, limits: SettleLimits): void {
  if (stream.closed || stream.destroyed || stream.readableEnded) return;
  // The compatibility layer's listener would pause the stream again as its own buffer fills.
  stream.removeAllListeners('data');
  const close = (): void => {
    // Not destroy(), which would reset: grpc-js and Python then report INTERNAL in place of the answer.
    if (!stream.closed) stream.close(constants.NGHTTP2_NO_ERROR);
  };
  drop(stream, limits, close);
}

function settleHttp1(request: IncomingMessage, socket: Socket, limits: SettleLimits): void {
  if (request.complete) return;
  if (request.destroyed) {
    // Its reader has thrown it away (Connect does at a limit), so the parser is stuck in this body
    // and would never come to the next request: the connection ends with this answer.
    socket.end();
    drop(socket, limits, () => socket.destroy());
    return;
  }
  drop(request, limits, () => socket.destroy());
}

function drop(
  body: ServerHttp2Stream | IncomingMessage | Socket,
  limits: SettleLimits,
  close: () => void,
): void {
  let dropped = 0;
  const timer = setTimeout(close, limits.settleMs);
  timer.unref();
  body.on('data', (chunk: Uint8Array) => {
    dropped += chunk.byteLength;
    if (dropped > limits.settleMaxBytes) close();
  });
  body.once('close', () => clearTimeout(timer));
  body.once('end', () => clearTimeout(timer));
  body.resume();
}
