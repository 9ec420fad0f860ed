import { type DescMessage, fromBinary, type MessageShape, toBinary } from '@bufbuild/protobuf';
import {
  Code,
  ConnectError,
  createContextValues,
  type StreamRequest,
  type StreamResponse,
  type Transport,
  type UnaryRequest,
  type UnaryResponse,
} from '@connectrpc/connect';
import { createMethodUrl, runStreamingCall, runUnaryCall } from '@connectrpc/connect/protocol';
import { Client } from '@grpc/grpc-js';
import { untilAborted } from '../../async/index.ts';
import { type GrpcCall, startGrpcCall } from './grpc-call.ts';
import {
  type GrpcTransportOptions,
  resolveGrpcTransportOptions,
} from './grpc-transport-options.ts';
import { linkSignal } from './link-signal.ts';
import { metadataFromHeaders } from './metadata.ts';
import { retryInterceptor } from './retry-interceptor.ts';

/** A Connect transport that owns one gRPC channel; disposing it cancels its calls and closes it. */
export interface GrpcTransport extends Transport, AsyncDisposable {
  /** Connects and resolves when the server answers; rejects with UNAVAILABLE after `timeoutMs`. */
  waitForReady(options: {
    readonly timeoutMs: number;
    readonly signal?: AbortSignal;
  }): Promise<void>;
  /** Calls that have not ended. */
  readonly activeCalls: number;
}

/**
 * Connect's clients over grpc-js's channel. connect-node's own client hangs when a stream closes
 * before its headers, reports a dead server as `canceled`, and does not cancel on `break`.
 */
export function createGrpcTransport(options: GrpcTransportOptions): GrpcTransport {
  const config = resolveGrpcTransportOptions(options);
  const client = new Client(config.target, config.channelCredentials, config.channelOptions);
  let closed = false;
  const calls = new Set<GrpcCall>();
  const interceptors = [
    ...config.interceptors,
    ...(config.retry === undefined ? [] : [retryInterceptor({ policy: config.retry })]),
  ];

  const start = async (
    request: UnaryRequest | StreamRequest,
    deadlineMs: number | undefined,
  ): Promise<GrpcCall> => {
    const header = new Headers(request.header);
    const token = await untilAborted((async () => config.token?.(request.service.typeName))(), {
      signal: request.signal,
    });
    if (token !== undefined) header.set('authorization', `Bearer ${token}`);
    const metadata = metadataFromHeaders(header);
    metadata.setOptions({ waitForReady: config.waitForReady });
    const path = `/${request.service.typeName}/${request.method.name}`;
    const onAbort = (): void =>
      call.cancel(ConnectError.from(request.signal.reason, Code.Canceled));
    const call = startGrpcCall(client.getChannel(), {
      path,
      metadata,
      deadlineMs,
      onEnd: () => {
        calls.delete(call);
        request.signal.removeEventListener('abort', onAbort);
      },
    });
    calls.add(call);
    request.signal.addEventListener('abort', onAbort, { once: true });
    return call;
  };

  const encode = <M extends DescMessage>(schema: M, message: MessageShape<M>): Uint8Array => {
    const bytes = toBinary(schema, message);
    if (bytes.byteLength <= config.maxSendBytes) return bytes;
    const text = `message of ${bytes.byteLength} bytes is over this client's maxSendBytes ${config.maxSendBytes}.`;
    throw new ConnectError(text, Code.ResourceExhausted);
  };

  const callUnary = async <I extends DescMessage, O extends DescMessage>(
    request: UnaryRequest<I, O>,
    deadlineMs: number | undefined,
  ): Promise<UnaryResponse<I, O>> => {
    const { method } = request;
    const bytes = encode(method.input, request.message);
    const call = await start(request, deadlineMs);
    void call.write(bytes);
    call.halfClose();
    const received = await call.read();
    if (received === undefined) {
      throw new ConnectError('the server sent no message', Code.Unimplemented);
    }
    const extra = await call.read();
    if (extra !== undefined) {
      const error = new ConnectError('the server sent extra messages', Code.Unimplemented);
      call.cancel(error);
      throw error;
    }
    const message = decode(method.output, received);
    const header = await call.headers;
    return {
      stream: false,
      service: method.parent,
      method,
      header,
      message,
      trailer: call.trailers,
    };
  };

  const callStream = async <I extends DescMessage, O extends DescMessage>(
    request: StreamRequest<I, O>,
    deadlineMs: number | undefined,
  ): Promise<StreamResponse<I, O>> => {
    const { method } = request;
    const call = await start(request, deadlineMs);
    void upload(call, request.message, (message) => encode(method.input, message));
    const header = await call.headers;
    const message = download(call, (bytes) => decode(method.output, bytes));
    return {
      stream: true,
      service: method.parent,
      method,
      header,
      message,
      trailer: call.trailers,
    };
  };

  return {
    async unary(method, signal, timeoutMs, header, message, contextValues) {
      const limitMs = effectiveTimeout(timeoutMs, config.unaryTimeoutMs);
      const deadlineMs = limitMs === undefined ? undefined : Date.now() + limitMs;
      return await runUnaryCall({
        interceptors,
        ...(signal !== undefined && { signal }),
        ...(limitMs !== undefined && { timeoutMs: limitMs }),
        req: {
          stream: false,
          service: method.parent,
          method,
          requestMethod: 'POST',
          url: createMethodUrl(config.baseUrl, method),
          header: new Headers(header),
          contextValues: contextValues ?? createContextValues(),
          message,
        },
        next: (request) => callUnary(request, deadlineMs),
      });
    },
    async stream(method, signal, timeoutMs, header, input, contextValues) {
      const limitMs = effectiveTimeout(timeoutMs, undefined);
      const deadlineMs = limitMs === undefined ? undefined : Date.now() + limitMs;
      const link = linkSignal(signal);
      try {
        const response = await runStreamingCall({
          interceptors,
          signal: link.signal,
          ...(limitMs !== undefined && { timeoutMs: limitMs }),
          req: {
            stream: true,
            service: method.parent,
            method,
            requestMethod: 'POST',
            url: createMethodUrl(config.baseUrl, method),
            header: new Headers(header),
            contextValues: contextValues ?? createContextValues(),
            message: input,
          },
          next: (request) => callStream(request, deadlineMs),
        });
        return { ...response, message: link.cancelOnReturn(response.message) };
      } catch (thrown) {
        link.unlink();
        throw thrown;
      }
    },
    waitForReady: async ({ timeoutMs, signal }) => {
      const deadlineMs = Date.now() + timeoutMs;
      for (;;) {
        const ready = Promise.withResolvers<Error | undefined>();
        client.waitForReady(Math.min(deadlineMs, Date.now() + READY_SLICE_MS), ready.resolve);
        const { promise } = ready;
        const error = await (signal === undefined ? promise : untilAborted(promise, { signal }));
        if (error === undefined) return;
        if (Date.now() < deadlineMs && !closed) continue;
        const message = `no server answers at ${config.baseUrl} within ${timeoutMs} ms. Check that it runs and the address is right.`;
        throw new ConnectError(message, Code.Unavailable, undefined, [], error);
      }
    },
    get activeCalls() {
      return calls.size;
    },
    [Symbol.asyncDispose]: async () => {
      closed = true;
      const reason = new ConnectError('the transport was closed', Code.Canceled);
      for (const call of [...calls]) call.cancel(reason);
      client.close();
    },
  };
}

/** grpc-js holds a timer until the deadline it is given, whoever has left; it would hold the process. */
const READY_SLICE_MS = 250;

/** A call's own timeout wins; zero or less means none, as in Connect's other transports. */
function effectiveTimeout(own: number | undefined, fallback: number | undefined) {
  if (own === undefined) return fallback;
  return own > 0 ? own : undefined;
}

function decode<M extends DescMessage>(schema: M, bytes: Uint8Array): MessageShape<M> {
  try {
    return fromBinary(schema, bytes);
  } catch (cause) {
    const message = `the server's ${schema.typeName} does not parse`;
    throw new ConnectError(message, Code.Internal, undefined, [], cause);
  }
}

/** Sends one message at a time; a source that throws cancels the call with its error. */
async function upload<T>(
  call: GrpcCall,
  source: AsyncIterable<T>,
  encode: (message: T) => Uint8Array,
): Promise<void> {
  try {
    for await (const message of source) {
      if (!(await call.write(encode(message)))) return;
    }
    call.halfClose();
  } catch (thrown) {
    call.cancel(ConnectError.from(thrown));
  }
}

async function* download<T>(
  call: GrpcCall,
  decode: (bytes: Uint8Array) => T,
): AsyncGenerator<T, void, void> {
  try {
    for (let bytes = await call.read(); bytes !== undefined; bytes = await call.read()) {
      yield decode(bytes);
    }
  } finally {
    call.cancel(new ConnectError('the response was given up', Code.Canceled));
  }
}
