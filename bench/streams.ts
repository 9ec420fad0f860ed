// MB/s and CPU per MB of a submit stream (groups into the memory broker) and of a batch stream
// (next, digest verified, ack), beside raw byte streams in chunks of the same size over grpc-js and
// over node:http2: the ceiling. Every party has a process of its own; the contestants take turns.
import { BenchProcess } from './support/bench-process.ts';
import { report, round } from './support/report.ts';
import { median, medianRatio } from './support/statistics.ts';
import {
  CHUNK_BYTES,
  GROUP_SHAPE,
  GROUPS_PER_BATCH,
  type Streamed,
  type StreamOrder,
} from './support/stream-plan.ts';

/** The first is the ceiling, the base of all ratios. */
const CONTESTANTS = ['http2', 'grpc-js', 'lachesis'] as const;
const DIRECTIONS = ['upload', 'download'] as const;
/** After one that warms up. */
const ROUNDS = 7;
const GROUPS = 256;

type Contestant = (typeof CONTESTANTS)[number];
type Direction = (typeof DIRECTIONS)[number];

interface Turn {
  readonly megabytesPerSecond: number;
  readonly clientMs: number;
  readonly serverMs: number;
}

await using owned = new AsyncDisposableStack();
const parties = new Map<
  Contestant,
  { client: BenchProcess; server: BenchProcess; address: string }
>();
for (const name of CONTESTANTS) {
  const server = owned.use(new BenchProcess('stream-server.ts', [name]));
  const client = owned.use(new BenchProcess('stream-client.ts', [name]));
  parties.set(name, { client, server, address: await server.ask<string>('address') });
}

async function turnOf(name: Contestant, direction: Direction, at: number): Promise<Turn> {
  const { client, server, address } = parties.get(name)!;
  const order: StreamOrder = { address, turn: `turn-${at}`, groups: GROUPS };
  if (direction === 'upload') await client.ask('prepare', order);
  const before = await server.use();
  const { bytes, seconds, cpuMicros } = await client.ask<Streamed>(direction, order);
  const after = await server.use();
  const megabytes = bytes / 1e6;
  return {
    megabytesPerSecond: megabytes / seconds,
    clientMs: cpuMicros / 1000 / megabytes,
    serverMs: (after.cpuMicros - before.cpuMicros) / 1000 / megabytes,
  };
}

const turns = new Map<string, Turn[]>(
  CONTESTANTS.flatMap((name) => DIRECTIONS.map((direction) => [`${name} ${direction}`, []])),
);
const turnsOf = (name: Contestant, direction: Direction): Turn[] =>
  turns.get(`${name} ${direction}`)!;
for (let at = 0; at <= ROUNDS; at += 1) {
  for (const direction of DIRECTIONS) {
    for (const name of CONTESTANTS) {
      const turn = await turnOf(name, direction, at);
      if (at > 0) turnsOf(name, direction).push(turn);
    }
  }
}

function figuresOf(direction: Direction): object {
  const base = turnsOf(CONTESTANTS[0], direction);
  return Object.fromEntries(
    CONTESTANTS.map((name) => {
      const list = turnsOf(name, direction);
      const all = (from: readonly Turn[], field: keyof Turn) => from.map((turn) => turn[field]);
      const ratio = (field: keyof Turn) => round(medianRatio(all(list, field), all(base, field)));
      return [
        name,
        {
          megabytesPerSecond: Math.round(median(all(list, 'megabytesPerSecond'))),
          clientCpuMsPerMegabyte: round(median(all(list, 'clientMs'))),
          serverCpuMsPerMegabyte: round(median(all(list, 'serverMs'))),
          timesHttp2: {
            megabytesPerSecond: ratio('megabytesPerSecond'),
            clientCpu: ratio('clientMs'),
            serverCpu: ratio('serverMs'),
          },
        },
      ];
    }),
  );
}

report('streams', {
  group: GROUP_SHAPE,
  groupsPerTurn: GROUPS,
  groupsPerBatch: GROUPS_PER_BATCH,
  rawChunkBytes: CHUNK_BYTES,
  rounds: ROUNDS,
  submitStream: figuresOf('upload'),
  batchStream: figuresOf('download'),
  note: 'lachesis: groups encoded before, stored by the memory broker, answered one by one; batches verified and acked, their rows not decoded.',
});
