import {
  type DescMethod,
  fromJson,
  type JsonObject,
  type JsonValue,
  type Message,
  toJson,
} from '@bufbuild/protobuf';
import { Code, ConnectError, type Transport } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import { ErrorDetailSchema } from '../../../gen/lachesis/v1/error_pb.ts';
import { connect } from '../../../src/client/index.ts';
import { codeName } from '../../../src/transport/index.ts';
import type {
  CallOptions,
  CallOutcome,
  ClientColumn,
  ContractClient,
  Target,
} from './contract-client.ts';

/** `lachesis/client`: the transport under all of its clients. */
export const ownClient: ClientColumn = {
  name: 'lachesis/client',
  connect: async (target) => {
    const client = await connect({ address: url(target), token: target.token });
    return overTransport(client.transport, () => client[Symbol.asyncDispose]());
  },
};

/** The Connect protocol over HTTP/1.1, as connect-node's own client speaks it. */
export const connectHttp1Client: ClientColumn = {
  name: 'Connect over HTTP/1.1',
  connect: async (target) => {
    const transport = createConnectTransport({
      baseUrl: url(target),
      httpVersion: '1.1',
      interceptors: [
        (next) => (request) => {
          request.header.set('authorization', `Bearer ${target.token}`);
          return next(request);
        },
      ],
    });
    return overTransport(transport, async () => {});
  },
};

function overTransport(transport: Transport, close: () => PromiseLike<void>): ContractClient {
  return {
    call: (method, requests, options) => call(transport, method, requests, options),
    [Symbol.asyncDispose]: close,
  };
}

async function call(
  transport: Transport,
  method: DescMethod,
  requests: readonly JsonValue[],
  options: CallOptions = {},
): Promise<CallOutcome> {
  const responses: JsonValue[] = [];
  const abort = new AbortController();
  const messages = requests.map((request) => fromJson(method.input, request));
  try {
    const received =
      method.methodKind === 'unary'
        ? unary(transport, method, messages[0] as Message, options.timeoutMs, abort.signal)
        : stream(transport, method, messages, options.timeoutMs, abort.signal);
    for await (const message of received) {
      const response = toJson(method.output, message);
      responses.push(response);
      options.onResponse?.(response);
      if (responses.length === options.cancelAfter) abort.abort();
    }
    return { code: 'ok', message: '', responses };
  } catch (thrown) {
    return { ...outcomeOfError(thrown), responses };
  }
}

async function* unary(
  transport: Transport,
  method: DescMethod,
  message: Message,
  timeoutMs: number | undefined,
  signal: AbortSignal,
): AsyncIterable<Message> {
  const typed = method as DescMethod & { methodKind: 'unary' };
  yield (await transport.unary(typed, signal, timeoutMs, undefined, message)).message;
}

async function* stream(
  transport: Transport,
  method: DescMethod,
  messages: readonly Message[],
  timeoutMs: number | undefined,
  signal: AbortSignal,
): AsyncIterable<Message> {
  async function* input() {
    yield* messages;
  }
  const typed = method as DescMethod & { methodKind: 'bidi_streaming' };
  const response = await transport.stream(typed, signal, timeoutMs, undefined, input());
  yield* response.message;
}

function outcomeOfError(thrown: unknown): Omit<CallOutcome, 'responses'> {
  const error = ConnectError.from(thrown);
  const [detail] = error.findDetails(ErrorDetailSchema);
  return {
    code: error.code === Code.Canceled ? 'canceled' : codeName(error.code),
    message: error.rawMessage,
    ...(detail === undefined ? {} : { detail: toJson(ErrorDetailSchema, detail) as JsonObject }),
  };
}

function url({ host, port }: Target): string {
  return `http://${host}:${port}`;
}
