// A client of bench/streams.ts in a process of its own: ours, or raw bytes over grpc-js or HTTP/2.
import { once } from 'node:events';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { Client, credentials } from '@grpc/grpc-js';
import { GroupPartKind } from '../../gen/lachesis/v1/group_pb.ts';
import {
  type Batch,
  connect,
  type LachesisClient,
  type Submitted,
} from '../../src/client/index.ts';
import { answerParent, processUse } from './bench-process.ts';
import {
  BENCH_TOKEN,
  CHUNK_BYTES,
  chunksOfGroups,
  GROUPS_PER_BATCH,
  groupSource,
  type Streamed,
  type StreamOrder,
} from './stream-plan.ts';

/** What a contestant does in each direction; both resolve with the payload bytes that went over. */
interface StreamCaller {
  /** Made before the clock starts. */
  prepare?(order: StreamOrder): Promise<void>;
  upload(order: StreamOrder): Promise<number>;
  download(order: StreamOrder): Promise<number>;
}

async function ours(address: string): Promise<StreamCaller> {
  const client: LachesisClient = await connect({ address, token: BENCH_TOKEN });
  let groupAt: ReturnType<typeof groupSource> | undefined;
  return {
    prepare: async ({ turn }) => {
      groupAt = groupSource(turn);
      const batchSize = { kind: 'groups', groups: GROUPS_PER_BATCH } as const;
      await client.runs.open(turn, { batchSize });
    },
    upload: async ({ turn, groups }) => {
      if (groupAt === undefined) throw new Error('prepare the turn first');
      await using stream = client.work.submitGroups(turn);
      let bytes = 0;
      const open: Promise<Submitted>[] = [];
      for (let index = 0; index < groups; index += 1) {
        const group = groupAt(index);
        bytes += group.parts.reduce((sum, part) => sum + part.length, 0);
        open.push(stream.submit(group));
        if (open.length >= 32) await open.shift();
      }
      await Promise.all(open);
      await stream.close();
      return bytes;
    },
    download: async ({ turn, groups }) => {
      await using consumer = await client.batches.register({ runId: turn });
      let bytes = 0;
      for (let taken = 0; taken < groups; taken += GROUPS_PER_BATCH) {
        // Its digest is verified by the time that it is here.
        const batch = await consumer.next({ waitMs: 5_000 });
        if (batch === undefined) throw new Error('the run was closed');
        bytes += rowBytesOf(batch);
        await batch.ack();
      }
      return bytes;
    },
  };
}

/** Transcripts were not asked for. */
function rowBytesOf(batch: Batch): number {
  return batch.groups
    .flatMap(({ parts }) => parts)
    .filter(({ kind }) => kind === GroupPartKind.ROW)
    .reduce((sum, { encodedSize }) => sum + Number(encodedSize), 0);
}

const asIs = (bytes: Buffer): Buffer => bytes;
const chunk = Buffer.alloc(CHUNK_BYTES, 7);

async function grpcJs(address: string): Promise<StreamCaller> {
  const client = new Client(new URL(address).host, credentials.createInsecure());
  return {
    upload: async ({ groups }) => {
      const { promise, resolve, reject } = Promise.withResolvers<number>();
      const call = client.makeClientStreamRequest<Buffer, Buffer>(
        '/bench/upload',
        asIs,
        asIs,
        (error, received) =>
          error === null ? resolve(Number(received?.toString())) : reject(error),
      );
      for (let left = chunksOfGroups(groups); left > 0; left -= 1) {
        if (!call.write(chunk)) await once(call, 'drain');
      }
      call.end();
      return await promise;
    },
    download: async ({ groups }) => {
      const count = Buffer.from(String(chunksOfGroups(groups)));
      const call = client.makeServerStreamRequest('/bench/download', asIs, asIs, count);
      let received = 0;
      for await (const bytes of call) received += (bytes as Buffer).length;
      return received;
    },
  };
}

async function http2(address: string): Promise<StreamCaller> {
  const session: ClientHttp2Session = connectHttp2(address, {
    settings: { initialWindowSize: 1_048_576 },
  });
  await once(session, 'connect');
  session.setLocalWindowSize(16 * 1_048_576);
  return {
    upload: async ({ groups }) => {
      const stream = session.request({ ':method': 'POST', ':path': '/upload' });
      for (let left = chunksOfGroups(groups); left > 0; left -= 1) {
        if (!stream.write(chunk)) await once(stream, 'drain');
      }
      stream.end();
      let answer = '';
      for await (const bytes of stream) answer += String(bytes);
      return Number(answer);
    },
    download: async ({ groups }) => {
      const stream = session.request({ ':path': '/', 'x-chunks': chunksOfGroups(groups) });
      let received = 0;
      for await (const bytes of stream) received += (bytes as Buffer).length;
      return received;
    },
  };
}

const make = { lachesis: ours, 'grpc-js': grpcJs, http2 }[process.argv[2] ?? ''];
if (make === undefined) throw new Error('name the client: lachesis, grpc-js or http2');
let caller: StreamCaller | undefined;
const callerOf = async ({ address }: StreamOrder): Promise<StreamCaller> =>
  (caller ??= await make(address));

async function timed(work: () => Promise<number>): Promise<Streamed> {
  const before = processUse();
  const start = performance.now();
  const bytes = await work();
  return {
    bytes,
    seconds: (performance.now() - start) / 1000,
    cpuMicros: processUse().cpuMicros - before.cpuMicros,
  };
}

answerParent({
  prepare: async (order: StreamOrder) => (await callerOf(order)).prepare?.(order),
  upload: async (order: StreamOrder) => {
    const found = await callerOf(order);
    return await timed(() => found.upload(order));
  },
  download: async (order: StreamOrder) => {
    const found = await callerOf(order);
    return await timed(() => found.download(order));
  },
});
