// A client of bench/rpc.ts in a process of its own: ours or plain grpc-js.
import {
  create,
  type DescMessage,
  fromBinary,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import {
  type GenerateRequest,
  GenerateRequestSchema,
  type GenerateResponse,
  GenerateResponseSchema,
  PolicyService,
} from '../../gen/lachesis/v1/policy_service_pb.ts';
import {
  type HeartbeatWorkerRequest,
  HeartbeatWorkerRequestSchema,
  type HeartbeatWorkerResponse,
  HeartbeatWorkerResponseSchema,
  WorkService,
} from '../../gen/lachesis/v1/work_service_pb.ts';
import { createGrpcTransport, createRpcClient } from '../../src/transport/index.ts';
import { encodeInt32 } from '../../src/wire/index.ts';
import { answerParent, processUse } from './bench-process.ts';
import {
  BENCH_TOKEN,
  BENCH_WORKER,
  type Driven,
  type DriveOrder,
  type RpcCaller,
} from './rpc-workload.ts';

const unaryRequest = { workerId: BENCH_WORKER };
const streamRequest = (messages: number) => ({
  promptTokenIds: encodeInt32([1, 2, 3, 4]),
  sampling: { maxTokens: messages },
});

/** The generated Connect clients over our transport, as `lachesis/client` makes them. */
function ours(baseUrl: string): RpcCaller {
  const transport = createGrpcTransport({ baseUrl, token: () => BENCH_TOKEN });
  const work = createRpcClient(WorkService, transport);
  const policy = createRpcClient(PolicyService, transport);
  return {
    unary: async () => {
      await work.heartbeatWorker(unaryRequest);
      return 1;
    },
    stream: async (messages) => {
      let received = 0;
      for await (const _ of policy.generate(streamRequest(messages))) received += 1;
      return received;
    },
    [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
  };
}

function grpcJs(baseUrl: string): RpcCaller {
  const client = new Client(new URL(baseUrl).host, credentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
  });
  const heartbeatPath = `/${WorkService.typeName}/${WorkService.method.heartbeatWorker.name}`;
  const generatePath = `/${PolicyService.typeName}/${PolicyService.method.generate.name}`;
  const metadata = (): Metadata => {
    const found = new Metadata();
    found.set('authorization', `Bearer ${BENCH_TOKEN}`);
    return found;
  };
  return {
    unary: () =>
      new Promise((resolve, reject) => {
        client.makeUnaryRequest<HeartbeatWorkerRequest, HeartbeatWorkerResponse>(
          heartbeatPath,
          encoderOf(HeartbeatWorkerRequestSchema),
          decoderOf(HeartbeatWorkerResponseSchema),
          create(HeartbeatWorkerRequestSchema, unaryRequest),
          metadata(),
          // Ours has one of 60 s by default.
          { deadline: Date.now() + 60_000 },
          (error) => (error === null ? resolve(1) : reject(error)),
        );
      }),
    stream: async (messages) => {
      const call = client.makeServerStreamRequest<GenerateRequest, GenerateResponse>(
        generatePath,
        encoderOf(GenerateRequestSchema),
        decoderOf(GenerateResponseSchema),
        create(GenerateRequestSchema, streamRequest(messages)),
        metadata(),
      );
      let received = 0;
      for await (const _ of call) received += 1;
      return received;
    },
    [Symbol.asyncDispose]: async () => client.close(),
  };
}

function encoderOf<M extends DescMessage>(schema: M): (message: MessageShape<M>) => Buffer {
  return (message) => Buffer.from(toBinary(schema, message));
}

function decoderOf<M extends DescMessage>(schema: M): (bytes: Buffer) => MessageShape<M> {
  return (bytes) => fromBinary(schema, bytes);
}

/** Calls again and again on `concurrency` lanes of one connection. */
async function drive(caller: RpcCaller, { workload, durationMs }: DriveOrder): Promise<Driven> {
  let calls = 0;
  let messages = 0;
  const before = processUse();
  const startMs = performance.now();
  const lane = async (): Promise<void> => {
    while (performance.now() - startMs < durationMs) {
      const received =
        workload.kind === 'unary' ? caller.unary() : caller.stream(workload.messages);
      const count = await received;
      messages += count;
      calls += 1;
    }
  };
  await Promise.all(Array.from({ length: workload.concurrency }, lane));
  return {
    calls,
    messages,
    seconds: (performance.now() - startMs) / 1000,
    cpuMicros: processUse().cpuMicros - before.cpuMicros,
  };
}

const make = { lachesis: ours, 'grpc-js': grpcJs }[process.argv[2] ?? ''];
if (make === undefined) throw new Error('name the client: lachesis or grpc-js');
const callers = new Map<string, RpcCaller>();
answerParent({
  drive: (order: DriveOrder) => {
    const caller = callers.get(order.address) ?? make(order.address);
    callers.set(order.address, caller);
    return drive(caller, order);
  },
});
