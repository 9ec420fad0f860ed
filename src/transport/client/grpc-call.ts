import { Code, type ConnectError } from '@connectrpc/connect';
import {
  type ChannelInterface,
  status as GrpcStatus,
  type Metadata,
  type StatusObject,
} from '@grpc/grpc-js';
import { headersFromMetadata } from './metadata.ts';
import { errorFromStatus, isOk } from './status-error.ts';

/**
 * One call on a channel, as bytes. Pull-based: at most one received message waits here, so the
 * HTTP/2 window does the rest of the backpressure.
 */
export interface GrpcCall {
  /** The response headers; rejects when the call fails before it has any. */
  readonly headers: Promise<Headers>;
  /** Filled when the call ends. */
  readonly trailers: Headers;
  /** Resolves when the channel has taken the message; `false` when the call is over already. */
  write(message: Uint8Array): Promise<boolean>;
  halfClose(): void;
  /** The next message; undefined after the last one of a call that ended OK, else throws. */
  read(): Promise<Uint8Array | undefined>;
  /** Resets the stream; `read` and `headers` then fail with `reason`. No-op on an ended call. */
  cancel(reason: ConnectError): void;
}

export interface GrpcCallOptions {
  readonly path: string;
  readonly metadata: Metadata;
  /** Milliseconds of the epoch; undefined for none. */
  readonly deadlineMs: number | undefined;
  /** Runs once, when the call has its status. */
  readonly onEnd: () => void;
}

interface Waiting {
  resolve(message: Uint8Array | undefined): void;
  reject(error: ConnectError): void;
}

/** Starts a call. It stands on the channel itself rather than on grpc-js's streams, which read 16 messages ahead. */
export function startGrpcCall(channel: ChannelInterface, options: GrpcCallOptions): GrpcCall {
  const { path, metadata, deadlineMs, onEnd } = options;
  const call = channel.createCall(path, deadlineMs ?? Infinity, null, null, null);
  const headers = Promise.withResolvers<Headers>();
  // A unary call never looks at its headers when it fails.
  headers.promise.catch(() => {});
  const trailers = new Headers();
  let queued: Uint8Array | undefined;
  let waiting: Waiting | undefined;
  let writing: ((taken: boolean) => void) | undefined;
  let end: { readonly error: ConnectError | undefined } | undefined;
  let cancelled: ConnectError | undefined;

  const onStatus = (status: StatusObject): void => {
    if (end !== undefined) return;
    headersFromMetadata(status.metadata).forEach((value, name) => {
      trailers.append(name, value);
    });
    end = { error: isOk(status) ? undefined : (cancelled ?? errorFromStatus(status)) };
    if (end.error === undefined) headers.resolve(new Headers());
    else headers.reject(end.error);
    writing?.(false);
    if (end.error === undefined) waiting?.resolve(undefined);
    else waiting?.reject(end.error);
    waiting = undefined;
    onEnd();
  };

  call.start(metadata, {
    onReceiveMetadata: (received) => headers.resolve(headersFromMetadata(received)),
    onReceiveMessage: (received: Buffer | null) => {
      if (received === null) return;
      const message = asPlainBytes(received);
      if (waiting === undefined) {
        queued = message;
        return;
      }
      waiting.resolve(message);
      waiting = undefined;
      call.startRead();
    },
    onReceiveStatus: onStatus,
  });
  // Before any data arrives: until the first read grpc-js collects messages without a bound.
  call.startRead();

  return {
    headers: headers.promise,
    trailers,
    write: (message) =>
      new Promise((resolve) => {
        if (end !== undefined) return resolve(false);
        writing = resolve;
        const taken = (): void => resolve(end === undefined);
        call.sendMessageWithContext({ callback: taken }, asBuffer(message));
      }),
    halfClose: () => {
      if (end === undefined) call.halfClose();
    },
    read: () => {
      if (queued !== undefined) {
        const message = queued;
        queued = undefined;
        if (end === undefined) call.startRead();
        return Promise.resolve(message);
      }
      if (end !== undefined) {
        return end.error === undefined ? Promise.resolve(undefined) : Promise.reject(end.error);
      }
      return new Promise((resolve, reject) => {
        waiting = { resolve, reject };
      });
    },
    cancel: (reason) => {
      if (end !== undefined || cancelled !== undefined) return;
      cancelled = reason;
      queued = undefined;
      const isLate = reason.code === Code.DeadlineExceeded;
      call.cancelWithStatus(
        isLate ? GrpcStatus.DEADLINE_EXCEEDED : GrpcStatus.CANCELLED,
        reason.rawMessage,
      );
    },
  };
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** As a Buffer, every `bytes` field parsed from it would be one too, and compare and print unlike itself. */
function asPlainBytes(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
