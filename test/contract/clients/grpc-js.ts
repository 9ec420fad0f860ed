import {
  type DescMethod,
  fromBinary,
  fromJson,
  type JsonObject,
  type JsonValue,
  toBinary,
  toJson,
} from '@bufbuild/protobuf';
import {
  Client,
  type ClientDuplexStream,
  credentials,
  Metadata,
  status as Status,
  type StatusObject,
} from '@grpc/grpc-js';
import { ErrorDetailSchema } from '../../../gen/lachesis/v1/error_pb.ts';
import { decodeRpcStatus } from '../../../src/transport/index.ts';
import {
  type CallOptions,
  type CallOutcome,
  type ClientColumn,
  pathOf,
} from './contract-client.ts';

/** @grpc/grpc-js by itself: methods come from the descriptors of the generated code. */
export const grpcJsClient: ClientColumn = {
  name: '@grpc/grpc-js',
  connect: async ({ host, port, token }) => {
    const client = new Client(`${host}:${port}`, credentials.createInsecure());
    return {
      call: (method, requests, options) => call(client, token, method, requests, options),
      [Symbol.asyncDispose]: async () => client.close(),
    };
  },
};

function call(
  client: Client,
  token: string,
  method: DescMethod,
  requests: readonly JsonValue[],
  options: CallOptions = {},
): Promise<CallOutcome> {
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${token}`);
  const deadline = options.timeoutMs === undefined ? Infinity : Date.now() + options.timeoutMs;
  // Every kind of method is a stream of requests and a stream of responses on the wire.
  const stream: ClientDuplexStream<Uint8Array, Uint8Array> = client.makeBidiStreamRequest(
    `/${pathOf(method)}`,
    (bytes: Uint8Array) => Buffer.from(bytes),
    (bytes: Buffer) => bytes,
    metadata,
    { deadline },
  );
  const responses: JsonValue[] = [];
  const { promise, resolve } = Promise.withResolvers<CallOutcome>();
  stream.on('data', (bytes: Uint8Array) => {
    const response = toJson(method.output, fromBinary(method.output, bytes));
    responses.push(response);
    options.onResponse?.(response);
    if (responses.length === options.cancelAfter) stream.cancel();
  });
  // The status event tells it all; without a listener an error would be thrown.
  stream.on('error', () => {});
  stream.on('status', (status) => resolve({ ...outcomeOf(status), responses }));
  for (const request of requests) {
    stream.write(toBinary(method.input, fromJson(method.input, request)));
  }
  stream.end();
  return promise;
}

function outcomeOf(status: StatusObject): Omit<CallOutcome, 'responses'> {
  const name = Status[status.code] ?? 'UNKNOWN';
  const code = name === 'CANCELLED' ? 'canceled' : name.toLowerCase();
  const packed = status.metadata.get('grpc-status-details-bin')[0];
  const detail =
    packed instanceof Buffer
      ? decodeRpcStatus(packed).details.find(({ type }) => type === ErrorDetailSchema.typeName)
      : undefined;
  const message = status.details;
  if (detail === undefined) return { code, message };
  const json = toJson(ErrorDetailSchema, fromBinary(ErrorDetailSchema, detail.value));
  return { code, message, detail: json as JsonObject };
}
