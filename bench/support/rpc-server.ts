// A server of bench/rpc.ts in a process of its own: ours, plain grpc-js, or Connect's own adapter.
import { createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import {
  create,
  type DescMethod,
  fromBinary,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import {
  type handleServerStreamingCall,
  type handleUnaryCall,
  Server,
  ServerCredentials,
} from '@grpc/grpc-js';
import {
  type GenerateRequest,
  type GenerateResponse,
  PolicyService,
} from '../../gen/lachesis/v1/policy_service_pb.ts';
import {
  type HeartbeatWorkerRequest,
  type HeartbeatWorkerResponse,
  HeartbeatWorkerResponseSchema,
  WorkService,
} from '../../gen/lachesis/v1/work_service_pb.ts';
import { createEmbeddedPolicy, readBaseCheckpoint } from '../../src/policy/index.ts';
import { type ServedPolicy, startServer } from '../../src/server/index.ts';
import { answerParent } from './bench-process.ts';
import { BENCH_TOKEN, lastPiece, piece, slice } from './rpc-workload.ts';

const heartbeat = () => create(HeartbeatWorkerResponseSchema, { credits: 0 });

function* pieces(request: GenerateRequest): Generator<GenerateResponse> {
  const count = request.sampling?.maxTokens ?? 0;
  for (let index = 0; index < count; index += 1) yield piece(index);
  yield lastPiece();
}

/** Ours as `serve` starts it, with a policy whose tokens cost nothing. */
async function startOurs(): Promise<string> {
  const policy = createEmbeddedPolicy({ checkpoint: await readBaseCheckpoint() });
  const costless: ServedPolicy = {
    name: policy.name,
    version: 3,
    tokenizer: policy.tokenizer,
    describe: () => policy.describe(),
    generate: async ({ maxTokens = 0 }, { onSlice } = {}) => {
      for (let index = 0; index < maxTokens; index += 1) {
        onSlice?.(slice(index));
        // As the embedded policy does: others get their turn.
        if (index % 64 === 63) await setImmediate();
      }
      const none = { ids: new Int32Array(), logprobs: new Float32Array(), topLogprobs: [] };
      return { ...none, finishReason: 'length', version: 3, seed: 0 };
    },
    score: (ids, options) => policy.score(ids, options),
    trainStep: (rows, options) => policy.trainStep(rows, options),
    getWeights: () => policy.getWeights(),
    updateWeights: (bytes, version) => policy.updateWeights(bytes, version),
    pause: (mode, options) => policy.pause(mode, options),
    resume: () => policy.resume(),
  };
  const server = await startServer({
    environments: [],
    policy: costless,
    auth: { kind: 'credentials', credentials: [{ scope: 'operator', token: BENCH_TOKEN }] },
  });
  return server.address;
}

async function startGrpcJs(): Promise<string> {
  const server = new Server();
  const unary: handleUnaryCall<HeartbeatWorkerRequest, HeartbeatWorkerResponse> = (_, answer) =>
    answer(null, heartbeat());
  const stream: handleServerStreamingCall<GenerateRequest, GenerateResponse> = async (call) => {
    for (const message of pieces(call.request)) {
      if (!call.write(message)) await new Promise((resolve) => call.once('drain', resolve));
    }
    call.end();
  };
  const { heartbeatWorker } = WorkService.method;
  const { generate } = PolicyService.method;
  server.addService(
    { [heartbeatWorker.name]: definitionOf(heartbeatWorker) },
    {
      [heartbeatWorker.name]: unary,
    },
  );
  server.addService({ [generate.name]: definitionOf(generate) }, { [generate.name]: stream });
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
    error === null ? resolve(port) : reject(error),
  );
  return `http://127.0.0.1:${await promise}`;
}

function definitionOf<Method extends DescMethod>(method: Method) {
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    requestStream: false,
    responseStream: method.methodKind === 'server_streaming',
    requestSerialize: (value: MessageShape<Method['input']>) =>
      Buffer.from(toBinary(method.input, value)),
    requestDeserialize: (bytes: Buffer) => fromBinary(method.input, bytes),
    responseSerialize: (value: MessageShape<Method['output']>) =>
      Buffer.from(toBinary(method.output, value)),
    responseDeserialize: (bytes: Buffer) => fromBinary(method.output, bytes),
  };
}

async function startConnectNode(): Promise<string> {
  const server = createHttp2Server(
    connectNodeAdapter({
      // As ours: no response is compressed.
      compressMinBytes: Number.MAX_SAFE_INTEGER,
      routes: (router) => {
        router.service(WorkService, { heartbeatWorker: heartbeat });
        router.service(PolicyService, {
          generate: async function* (request) {
            yield* pieces(request);
          },
        });
      },
    }),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const start = { lachesis: startOurs, 'grpc-js': startGrpcJs, 'connect-node': startConnectNode };
const address = await start[process.argv[2] as keyof typeof start]();
answerParent({ address: () => address });
