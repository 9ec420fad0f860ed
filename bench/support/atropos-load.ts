// A load as Atropos' SDK and trainers make it, over one keep-alive connection each: 4 push, 1 pulls.
import * as http from 'node:http';
import { gzipSync } from 'node:zlib';

export const plan = {
  sequencesPerGroup: 8,
  tokensPerSequence: 2_048,
  groupsPerBatch: 16,
  pushers: 4,
  maxGroupsAhead: 48,
} as const;

export interface LoadFigures {
  readonly groupsPerSecond: number;
  readonly tokensPerSecond: number;
  readonly pushMs: readonly number[];
  readonly batchMs: readonly number[];
  readonly statusMs: readonly number[];
}

/** Bodies of groups of random ids, a quarter of them prompt, plain or gzipped as the SDK does it. */
export function groupBodies(count: number, codec: 'plain' | 'gzip'): readonly Buffer[] {
  return Array.from({ length: count }, () => {
    const text = JSON.stringify(randomGroup());
    return codec === 'gzip' ? gzipSync(text) : Buffer.from(text);
  });
}

/** Pushes and pulls for so long; what counts are groups that the trainer got. */
export async function load(
  address: string,
  codec: 'plain' | 'gzip',
  options: { readonly bodies: readonly Buffer[]; readonly seconds: number },
): Promise<LoadFigures> {
  const { bodies, seconds } = options;
  const endMs = performance.now() + seconds * 1_000;
  const isOver = (): boolean => performance.now() > endMs;
  const [pushMs, batchMs, statusMs]: number[][] = [[], [], []];
  let [pushed, pulled] = [0, 0];
  const headers: Record<string, string> = codec === 'gzip' ? { 'content-encoding': 'gzip' } : {};
  const accept: Record<string, string> = codec === 'gzip' ? { 'accept-encoding': 'gzip' } : {};

  const push = async (first: number): Promise<void> => {
    const ask = connection(address);
    for (let i = first; !isOver(); i++) {
      if (pushed - pulled >= plan.maxGroupsAhead) {
        await sleep(2);
        continue;
      }
      pushed += 1;
      const start = performance.now();
      const { status } = await ask('/scored_data', headers, bodies[i % bodies.length]);
      if (status !== 200) throw new Error(`a push was answered with ${status}`);
      pushMs?.push(performance.now() - start);
    }
  };
  const pull = async (): Promise<void> => {
    const ask = connection(address);
    while (!isOver()) {
      const start = performance.now();
      const { bytes } = await ask('/batch', accept);
      // null: what a batch is told by without parsing megabytes.
      if (bytes < 1_000) {
        await sleep(5);
        continue;
      }
      batchMs?.push(performance.now() - start);
      pulled += plan.groupsPerBatch;
    }
  };
  const look = async (): Promise<void> => {
    const ask = connection(address);
    while (!isOver()) {
      const start = performance.now();
      await ask('/status', {});
      statusMs?.push(performance.now() - start);
      await sleep(20);
    }
  };
  const startMs = performance.now();
  await Promise.all([
    ...Array.from({ length: plan.pushers }, (_, i) => push(i * 3)),
    pull(),
    look(),
  ]);
  const groupsPerSecond = (pulled * 1_000) / (performance.now() - startMs);
  const tokens = plan.sequencesPerGroup * plan.tokensPerSequence;
  return {
    groupsPerSecond,
    tokensPerSecond: groupsPerSecond * tokens,
    pushMs: pushMs ?? [],
    batchMs: batchMs ?? [],
    statusMs: statusMs ?? [],
  };
}

type Ask = (
  path: string,
  headers: Record<string, string>,
  body?: Buffer,
) => Promise<{ readonly status: number; readonly bytes: number }>;

export function connection(address: string): Ask {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  return (path, headers, body) =>
    new Promise((resolve, reject) => {
      const size = body === undefined ? {} : { 'content-length': String(body.length) };
      const request = http.request(
        `${address}${path}`,
        {
          agent,
          method: body === undefined ? 'GET' : 'POST',
          headers: { 'content-type': 'application/json', ...size, ...headers },
        },
        (response) => {
          let bytes = 0;
          response.on('data', (chunk: Buffer) => {
            bytes += chunk.length;
          });
          response.on('end', () => resolve({ status: response.statusCode ?? 0, bytes }));
          response.on('error', reject);
        },
      );
      request.on('error', reject);
      request.end(body);
    });
}

function randomGroup(): object {
  const prompt = plan.tokensPerSequence / 4;
  const rows = Array.from({ length: plan.sequencesPerGroup }, () =>
    Array.from({ length: plan.tokensPerSequence }, () => Math.floor(Math.random() * 128_000)),
  );
  return {
    tokens: rows,
    masks: rows.map((row) => row.map((id, at) => (at < prompt ? -100 : id))),
    scores: rows.map((_, i) => i / 8),
    inference_logprobs: rows.map((row) =>
      // As an engine gives them: 32-bit floats, written as Python writes them.
      row.map((_, at) => (at < prompt ? 1 : Math.fround(-3 * Math.random()))),
    ),
  };
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
