import { once } from 'node:events';
import * as http2 from 'node:http2';
import * as net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { PayloadSchema, payload } from '../../transport/support/kit-service.ts';

export const ECHO = '/lachesis.kit.v1.KitService/Echo';
export const PRODUCE = '/lachesis.kit.v1.KitService/Produce';
/** Headers of a gRPC request. */
export const GRPC = { 'content-type': 'application/grpc', te: 'trailers' } as const;

/** Sends bytes on a fresh socket and gives what came back until the peer closed or `ms` passed. */
export async function rawExchange(
  port: number,
  bytes: string,
  ms = 2_000,
): Promise<{ readonly text: string; readonly closed: boolean }> {
  const socket = net.connect(port, '127.0.0.1');
  socket.on('error', () => {});
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
  });
  if (bytes !== '') socket.write(bytes, 'latin1');
  const closed = await Promise.race([
    once(socket, 'close').then(() => true),
    sleep(ms).then(() => false),
  ]);
  socket.destroy();
  return { text, closed };
}

/** A connection of Node's own HTTP/2 client, wide open on its side. */
export async function connectHttp2(port: number): Promise<http2.ClientHttp2Session> {
  const session = http2.connect(`http://127.0.0.1:${port}`, { maxSessionMemory: 1_000_000 });
  session.on('error', () => {});
  await once(session, 'connect');
  return session;
}

export interface RawResponse {
  readonly headers: http2.IncomingHttpHeaders;
  readonly trailers: http2.IncomingHttpHeaders;
  readonly endedWithHeaders: boolean;
  readonly body: Buffer;
  readonly rstCode: number;
}

/**
 * Sends a request head and, if any, a body; leaves the request open unless told to `end` it.
 * Resolves when the answer is over.
 */
export async function openRequest(
  session: http2.ClientHttp2Session,
  headers: http2.OutgoingHttpHeaders,
  body?: Uint8Array,
  then: 'end' | 'leave open' = 'leave open',
): Promise<RawResponse> {
  const stream = session.request({ ':method': 'POST', ...headers });
  const chunks: Buffer[] = [];
  let response: http2.IncomingHttpHeaders = {};
  let trailers: http2.IncomingHttpHeaders = {};
  let endedWithHeaders = false;
  stream.on('error', () => {});
  stream.on('response', (received, flags) => {
    response = received;
    endedWithHeaders = (flags & http2.constants.NGHTTP2_FLAG_END_STREAM) !== 0;
  });
  stream.on('trailers', (received) => {
    trailers = received;
  });
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  if (body !== undefined) stream.write(body);
  if (then === 'end') stream.end();
  const closed = new Promise((resolve) => stream.once('close', resolve));
  await Promise.race([new Promise((resolve) => stream.once('end', resolve)), closed]);
  stream.close();
  await closed;
  const rstCode = stream.rstCode ?? 0;
  return { headers: response, trailers, endedWithHeaders, body: Buffer.concat(chunks), rstCode };
}

/** The head of a gRPC message that declares `length` bytes. */
export function grpcPrefix(length: number): Uint8Array {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(length, 1);
  return prefix;
}

/** One whole gRPC message of the test service. */
export function grpcMessage(init: MessageInitShape<typeof PayloadSchema>): Uint8Array {
  const bytes = toBinary(PayloadSchema, payload(init));
  return Buffer.concat([grpcPrefix(bytes.byteLength), bytes]);
}
