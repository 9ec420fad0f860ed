// A server of bench/streams.ts in a process of its own: ours, or raw bytes over grpc-js or HTTP/2.
import { once } from 'node:events';
import { createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import {
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  Server,
  ServerCredentials,
} from '@grpc/grpc-js';
import { startServer } from '../../src/server/index.ts';
import { answerParent } from './bench-process.ts';
import { BENCH_TOKEN, CHUNK_BYTES } from './stream-plan.ts';

const chunk = Buffer.alloc(CHUNK_BYTES, 7);

async function startOurs(): Promise<string> {
  const credentials = [{ scope: 'operator' as const, token: BENCH_TOKEN }];
  const server = await startServer({
    environments: [],
    auth: { kind: 'credentials', credentials },
  });
  return server.address;
}

const asIs = (bytes: Buffer): Buffer => bytes;
const bytesMethod = {
  requestSerialize: asIs,
  requestDeserialize: asIs,
  responseSerialize: asIs,
  responseDeserialize: asIs,
};

async function startGrpcJs(): Promise<string> {
  const server = new Server();
  const upload: handleClientStreamingCall<Buffer, Buffer> = (call, answer) => {
    let received = 0;
    call.on('data', (bytes: Buffer) => {
      received += bytes.length;
    });
    call.on('end', () => answer(null, Buffer.from(String(received))));
  };
  const download: handleServerStreamingCall<Buffer, Buffer> = async (call) => {
    for (let left = Number(call.request.toString()); left > 0; left -= 1) {
      if (!call.write(chunk)) await once(call, 'drain');
    }
    call.end();
  };
  server.addService(
    {
      upload: { path: '/bench/upload', requestStream: true, responseStream: false, ...bytesMethod },
      download: {
        path: '/bench/download',
        requestStream: false,
        responseStream: true,
        ...bytesMethod,
      },
    },
    { upload, download },
  );
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
    error === null ? resolve(port) : reject(error),
  );
  return `http://127.0.0.1:${await promise}`;
}

/** With the windows of our own server, in both directions. */
async function startHttp2(): Promise<string> {
  const server = createHttp2Server({ settings: { initialWindowSize: 1_048_576 } });
  server.on('session', (session) => session.setLocalWindowSize(16 * 1_048_576));
  server.on('stream', (stream, headers) => {
    stream.respond({ ':status': 200 });
    const count = headers['x-chunks'];
    if (count === undefined) void receive(stream);
    else void send(stream, Number(count));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function receive(stream: ServerHttp2Stream): Promise<void> {
  let received = 0;
  for await (const bytes of stream) received += (bytes as Buffer).length;
  stream.end(String(received));
}

async function send(stream: ServerHttp2Stream, chunks: number): Promise<void> {
  for (let left = chunks; left > 0; left -= 1) {
    if (!stream.write(chunk)) await once(stream, 'drain');
  }
  stream.end();
}

const start = { lachesis: startOurs, 'grpc-js': startGrpcJs, http2: startHttp2 };
const address = await start[process.argv[2] as keyof typeof start]();
answerParent({ address: () => address });
